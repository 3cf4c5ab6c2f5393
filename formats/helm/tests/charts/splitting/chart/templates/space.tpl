 kind: Space
metadata: {name: space}
