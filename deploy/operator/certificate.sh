#!/bin/sh
# Makes a certificate authority and, signed by it, the operator's server certificate:
#   certificate.sh FOLDER [SUBJECT-ALT-NAME]
# writes ca.crt, tls.crt and tls.key into FOLDER. The authority's own key is not kept: run this again to renew.
# Without a second argument the certificate is for the Service of deploy/operator/deployment.yaml.
set -eu
folder=${1:?the folder to write into}
name=${2:-DNS:fairlead-operator.fairlead-system.svc}
umask 077
mkdir -p "$folder"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 365 -subj "/CN=fairlead-operator-ca" \
  -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign \
  -keyout "$work/ca.key" -out "$work/ca.crt" 2>"$work/log" || { cat "$work/log" >&2; exit 1; }
openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=fairlead-operator" \
  -keyout "$work/tls.key" -out "$work/tls.csr" 2>"$work/log" || { cat "$work/log" >&2; exit 1; }
printf 'subjectAltName=%s\nextendedKeyUsage=serverAuth\n' "$name" >"$work/extensions"
openssl x509 -req -in "$work/tls.csr" -CA "$work/ca.crt" -CAkey "$work/ca.key" -CAcreateserial -days 365 \
  -extfile "$work/extensions" -out "$work/tls.crt" 2>"$work/log" || { cat "$work/log" >&2; exit 1; }
mv "$work/ca.crt" "$work/tls.crt" "$work/tls.key" "$folder/"
