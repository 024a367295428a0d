#!/bin/bash
# Builds refreg from Debian's -dev packages.
# build.sh MAIN ROOT GO OUT: main.go, the folder that the packages are unpacked in, the name of Go's
# folder there, the program to write.
set -euo pipefail
main=$1 root=$2 go=$3 out=$4
export GOROOT=$root/usr/lib/$go GOPATH=$root/usr/share/gocode GOCACHE=$root/cache HOME=$root TMPDIR=$root/tmp
export GOTOOLCHAIN=local GO111MODULE=off GOPROXY=off GOFLAGS= CGO_ENABLED=0
mkdir -p "$(dirname "$out")" "$TMPDIR"
nice "$GOROOT/bin/go" build -trimpath -ldflags '-s -w' -o "$out" "$main"
