"""Every comparison, or those that are named: `nothing_to_do`, `download`, `memory`."""

import sys

import download
import memory
import nothing_to_do
import pairs

chosen = sys.argv[1:] or ["nothing_to_do", "download", "memory"]
if "nothing_to_do" in chosen or "download" in chosen:
    pairs.heading()
if "nothing_to_do" in chosen:
    nothing_to_do.main()
if "download" in chosen:
    download.main()
if "memory" in chosen:
    memory.main()
