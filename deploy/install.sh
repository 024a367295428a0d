#!/bin/sh
# Installs a packed Fairlead with exactly the dependencies that it was tested with, each checked by
# its hash:
#
#   deploy/install.sh fairlead-0.1.0.tgz [PREFIX]
#
# into PREFIX/lib/fairlead, with the command PREFIX/bin/fairlead; PREFIX is /usr/local by default.
# `npm install --global` of a file would take the newest dependencies of that day: npm reads a
# package's npm-shrinkwrap.json only if the package comes from a registry. An installed
# version is replaced after the new one is complete. Needs Node.js with npm.
set -eu
tarball=${1:?usage: install.sh fairlead-VERSION.tgz [PREFIX]}
prefix=${2:-/usr/local}
directory=$prefix/lib/fairlead

mkdir -p "$prefix/lib" "$prefix/bin"
new=$(mktemp -d "$directory.XXXXXX")
trap 'rm -rf "$new"' EXIT
chmod 755 "$new"
tar -xzf "$tarball" -C "$new" --strip-components=1 --no-same-owner
(
  cd "$new"
  # npm ci compares both files, and the lock file has nothing of what only development needs.
  npm pkg delete devDependencies workspaces scripts
  npm ci --omit=dev --ignore-scripts --no-audit --no-fund
)
rm -rf "$directory"
mv "$new" "$directory"
ln -sfn ../lib/fairlead/bin/fairlead.js "$prefix/bin/fairlead"
