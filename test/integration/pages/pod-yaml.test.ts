import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { parse } from 'yaml';
import { parsePinned } from '#lib/registry/pinned-reference';
import { podYaml } from '#services/pull/pages/profile/deliveries';
import { type Apiserver, apiserverMinor, apiserverRequirements, startApiserver } from '#test/peers/apiserver';
import { describePeers } from '#test/peers/require';

const reference = parsePinned(`registry.example.com:5000/security/web_server.v2:1@sha256:${'a'.repeat(64)}`);

describePeers(apiserverRequirements, 'pods as pages show them, at an API server', () => {
  let server: Apiserver;
  before(async () => {
    server = await startApiserver();
  });
  after(() => server?.stop());
  const apply = (text: string) => server.request('POST', '/api/v1/namespaces/default/pods?dryRun=All', parse(text));

  it('are taken with the type Localhost, and with the annotation of CRI-O', async () => {
    const localhost = await apply(podYaml('localhost', { reference, kind: 'Seccomp' }));
    assert.equal(localhost.status, 201, JSON.stringify(localhost.body));
    const [{ securityContext }] = (localhost.body as { spec: { containers: [{ securityContext: object }] } }).spec
      .containers;
    const localhostProfile = `oci/registry.example.com:5000/security/web_server.v2@sha256:${'a'.repeat(64)}`;
    assert.deepEqual(securityContext, { seccompProfile: { type: 'Localhost', localhostProfile } });
    const crio = await apply(podYaml('crio', { reference, kind: 'Seccomp' }));
    assert.equal(crio.status, 201, JSON.stringify(crio.body));
  });

  it('are rejected with the type OCI by a server without it, as the page states', async () => {
    assert.ok(apiserverMinor() < 38);
    const { status, body } = await apply(podYaml('oci', { reference, kind: 'Seccomp' }));
    assert.equal(status, 422);
    assert.match(JSON.stringify(body), /seccompProfile\.type: Unsupported value: ..OCI../);
  });
});
