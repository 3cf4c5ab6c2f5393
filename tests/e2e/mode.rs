//! What a recipe says of its host's registries reaches the host, and what no host could keep is a mistake.

use crate::trust::{key, refused};
use crate::world::World;
use gabion_bundle::{Mode, Object, read_table};

const BUNDLE: &str =
    "[fetch.a]\nurl = 'https://up.invalid/a.txt'\n[bundle.b]\nbase = ['fetch.a']\nhost = 'host.prod'\n";

fn world(host: &str) -> World {
    World::new(&format!("{BUNDLE}[host.prod]\n{host}\n"), &[("/a.txt", b"stones")])
}

#[test]
fn the_mode_of_a_host_is_in_its_bundle_and_on_it() {
    let world = world("mode = 'connected'\nregistries = ['quay.io', 'ghcr.io']");
    key(&world, "rel");
    world.ok("build --key rel");
    let (_, _, manifest) = read_table(&mut fs_err::File::open(world.path("out/b.gabion")).unwrap()).unwrap();
    let registries = ["ghcr.io", "quay.io"].map(str::to_owned).into();
    assert!(
        manifest.objects.contains(&Object::Registries { mode: Mode::Connected, registries }),
        "{manifest:?}"
    );
    fs_err::create_dir(world.path("host")).unwrap();
    let written = world.ok("host install out/b.gabion --root host --trust rel.json");
    for path in ["registries.yaml", "config.yaml.d/20-registries.yaml"] {
        assert!(written.contains(&format!("+ /etc/rancher/k3s/{path}")), "{written}");
    }
    world.ok("host recover --root host");
    assert!(world.ok("host status --root host").contains("\nconnected\n"));
    let recipe = fs_err::read_to_string(world.path("gabion.toml")).unwrap();
    // A mode is a change like any other, and the plan names it.
    fs_err::write(
        world.path("gabion.toml"),
        recipe.replace("'connected'\nregistries = ['quay.io', 'ghcr.io']", "'sealed'"),
    )
    .unwrap();
    world.ok("build --key rel");
    let plan = world.ok("host plan out/b.gabion --root host --trust rel.json");
    assert!(plan.contains("mode   connected -> sealed\n"), "{plan}");
}

#[test]
fn a_mode_that_cannot_be_kept_is_a_mistake_of_the_recipe() {
    for (host, told) in [
        ("mode = 'open'", "is `sealed` or `connected`, not `open`"),
        ("mode = 'connected'", "is `connected`, and `registries` lists none"),
        ("registries = ['ghcr.io']", "needs `mode = \"connected\"` or `mode = \"sealed\"`"),
        ("mode = 'sealed'\nregistries = ['ghcr.io']", "is not on the host itself"),
        ("mode = 'connected'\nregistries = ['https://ghcr.io']", "is no registry as `ghcr.io`"),
        ("mode = 'connected'\nregistries = ['ghcr.io', 'ghcr.io']", "`ghcr.io` is listed twice"),
    ] {
        refused(&world(host).run("check"), 1, &[told, "gabion.toml:"]);
    }
}
