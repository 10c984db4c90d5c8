#!/bin/sh
# settle.sh FOLDER: compiles what is in it and makes it the same for every build and readable by every user.
# The bytecode is never checked against its source: files of an image don't change, and their times say nothing. They are
# all dated SOURCE_DATE_EPOCH.
set -eu
python3 -m compileall -q --invalidation-mode unchecked-hash "$1"
chmod -R a+rX,go-w "$1"
find "$1" -exec touch --no-dereference --date "@$SOURCE_DATE_EPOCH" {} +
