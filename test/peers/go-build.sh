#!/bin/bash
# Builds a program in Go from Debian's -dev packages.
# go-build.sh MAIN ROOT GO OUT [FLAGS]: main.go, the directory that the packages are unpacked in,
# the name of Go's directory there, the program to write, flags for the linker.
set -euo pipefail
main=$1 root=$2 go=$3 out=$4 flags=${5:-}
export GOROOT=$root/usr/lib/$go GOPATH=$root/usr/share/gocode GOCACHE=$root/cache HOME=$root TMPDIR=$root/tmp
export GOTOOLCHAIN=local GO111MODULE=off GOPROXY=off GOFLAGS= CGO_ENABLED=0
mkdir -p "$(dirname "$out")" "$TMPDIR"
nice "$GOROOT/bin/go" build -trimpath -ldflags "-s -w $flags" -o "$out" "$main"
