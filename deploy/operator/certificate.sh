#!/bin/sh
# Creates a certificate authority, and with it the operator's server certificate and a client
# certificate for API servers:
#   certificate.sh DIRECTORY [SUBJECT-ALT-NAME]
# writes ca.crt, tls.crt, tls.key, client.crt and client.key into DIRECTORY. The authority's own key
# is not kept: run this again to renew. Without a second argument the server certificate is for the
# Service of deploy/operator/deployment.yaml.
set -eu
directory=${1:?the directory to write into}
name=${2:-DNS:fairlead-operator.fairlead-system.svc}
umask 077
mkdir -p "$directory"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

run() {
  openssl "$@" 2>"$work/log" || { cat "$work/log" >&2; exit 1; }
}

# certificate NAME COMMON-NAME EXTENSIONS
certificate() {
  run req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$2" -keyout "$work/$1.key" -out "$work/$1.csr"
  printf '%s\n' "$3" >"$work/extensions"
  run x509 -req -in "$work/$1.csr" -CA "$work/ca.crt" -CAkey "$work/ca.key" -CAcreateserial -days 365 \
    -extfile "$work/extensions" -out "$work/$1.crt"
  mv "$work/$1.crt" "$work/$1.key" "$directory/"
}

run req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 365 -subj "/CN=fairlead-operator-ca" \
  -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign \
  -keyout "$work/ca.key" -out "$work/ca.crt"
certificate tls fairlead-operator "subjectAltName=$name
extendedKeyUsage=serverAuth"
certificate client kube-apiserver extendedKeyUsage=clientAuth
mv "$work/ca.crt" "$directory/"
