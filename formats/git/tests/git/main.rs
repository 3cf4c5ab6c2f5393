//! Against the real git: its repositories, its packs, its server, its archives.

mod archive;
mod damage;
mod fetch;
mod handmade;
mod packet;
mod packs;
mod repository;
mod server;
