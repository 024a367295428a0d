#!/bin/bash
# Builds kube-apiserver from Debian's unpacked source package.
# build.sh SOURCE REFLECT2 OUT: the unpacked `kubernetes`, the unpacked
# golang-github-modern-go-reflect2-dev, the program to write.
set -euo pipefail
source=$1 reflect2=$2 out=$3
cd "$source"
version=v$(dpkg-parsechangelog -S Version | sed 's/.*+really//; s/[-+].*//')
minor=${version#v1.}

# The vendored reflect2 1.0.1 reads Go's internals in a way that ended with Go 1.18.
rm -rf vendor/github.com/modern-go/reflect2
cp -a "$reflect2/usr/share/gocode/src/github.com/modern-go/reflect2" vendor/github.com/modern-go/reflect2

mkdir -p .go/src/k8s.io .tmp
ln -sfn ../../.. .go/src/k8s.io/kubernetes
cat > .version <<END
KUBE_GIT_COMMIT=debian
KUBE_GIT_TREE_STATE=clean
KUBE_GIT_VERSION=$version
KUBE_GIT_MAJOR=1
KUBE_GIT_MINOR=${minor%%.*}
END
export PATH=/usr/lib/go-1.19/bin:$PATH HOME=$source GOPATH=$source/.go GOCACHE=$source/.cache TMPDIR=$source/.tmp
export GO111MODULE=off GOPROXY=off GOFLAGS= CGO_ENABLED=0 KUBE_GIT_VERSION_FILE=$source/.version
nice make WHAT=cmd/kube-apiserver
mkdir -p "$(dirname "$out")"
cp _output/bin/kube-apiserver "$out"
