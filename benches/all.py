"""Every comparison, or those that are named: `nothing_to_do`, `download`, `sandbox`, `scripts`, `memory`, `disk`, `pull`, `render`, `host`, `check`."""

import sys

import disk
import download
import host
import memory
import check
import nothing_to_do
import pairs
import pull
import render
import sandbox
import scripts

chosen = sys.argv[1:] or ["nothing_to_do", "download", "sandbox", "scripts", "memory", "disk", "pull", "render", "host", "check"]
if {"nothing_to_do", "download", "sandbox", "scripts", "pull", "check"} & set(chosen):
    pairs.heading()
if "nothing_to_do" in chosen:
    nothing_to_do.main()
if "download" in chosen:
    download.main()
if "sandbox" in chosen:
    sandbox.main()
if "scripts" in chosen:
    scripts.main()
if "pull" in chosen:
    pull.main()
if "memory" in chosen:
    memory.main()
if "disk" in chosen:
    disk.main()
if "render" in chosen:
    render.main()
if "host" in chosen:
    host.main()
if "check" in chosen:
    check.main()
