//! What is another one each time: looked at for its shape.
