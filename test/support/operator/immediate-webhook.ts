/**
 * `node immediate-webhook.ts CERTIFICATE KEY PORT`: a webhook that allows everything without
 * looking, and writes the same profile into each pod, to compare with.
 */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';

const [certificate = '', key = '', port = ''] = process.argv.slice(2);
const seccompProfile = { type: 'Localhost', localhostProfile: 'fixed.json' };
const operations = [
  { op: 'add', path: '/spec/securityContext', value: { seccompProfile } },
  { op: 'add', path: '/spec/containers/0/securityContext', value: { seccompProfile } },
  { op: 'add', path: '/metadata/annotations', value: { 'example.com/bound-by': 'fixed' } },
];
const written = { patchType: 'JSONPatch', patch: Buffer.from(JSON.stringify(operations)).toString('base64') };
const server = createServer({ cert: readFileSync(certificate), key: readFileSync(key) }, (request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const { uid } = JSON.parse(Buffer.concat(chunks).toString()).request;
    const answer = {
      apiVersion: 'admission.k8s.io/v1',
      kind: 'AdmissionReview',
      response: { uid, allowed: true, ...(request.url?.startsWith('/mutate') && written) },
    };
    const body = JSON.stringify(answer);
    response
      .writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) })
      .end(body);
  });
});
// API servers keep idle connections for 90 s.
server.keepAliveTimeout = 120_000;
server.listen(Number(port), '127.0.0.1');
