"""Files and folders on this machine or at a URL, and text as people hand it in."""
