import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, it } from 'node:test';
import { promisify } from 'node:util';
import { assembleArtifact, blob } from '#lib/artifact/assemble-artifact';
import { pushArtifact } from '#lib/artifact/push-artifact';
import { FairleadError } from '#lib/errors';
import { mediaTypes } from '#lib/registry/descriptor';
import { remoteRepository } from '#lib/registry/remote/repository';
import { authorize } from '#lib/trust/policy/authorize';
import { importContainersPolicy } from '#lib/trust/policy/import-containers-policy';
import { loadPolicy } from '#lib/trust/policy/load-policy';
import { peer } from '#test/peers/peer';
import { type Registry, startRegistry } from '#test/peers/registry';
import { describePeers } from '#test/peers/require';

const run = promisify(execFile);
const accept = [{ type: 'insecureAcceptAnything' }];
const reject = [{ type: 'reject' }];
const repositories = ['team', 'team/app', 'team/app/sub', 'team2/app', 'other'];

describePeers(['docker-registry', 'skopeo'], 'an imported containers policy decides as skopeo does', () => {
  let registry: Registry;
  let folder: string;
  before(async () => {
    registry = await startRegistry();
    folder = await mkdtemp(join(tmpdir(), 'trust-policy-'));
    const config = blob(
      'application/vnd.oci.image.config.v1+json',
      Buffer.from('{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}'),
    );
    const image = assembleArtifact(
      { schemaVersion: 2, mediaType: mediaTypes.manifest, config: config.descriptor, layers: [] },
      [config],
    );
    for (const repository of repositories) {
      await pushArtifact(remoteRepository({ registry: registry.host, repository }), image, undefined, 'v1');
    }
  });
  after(async () => {
    await registry.stop();
    await rm(folder, { recursive: true });
  });

  const policies: [string, (host: string) => object][] = [
    ['by host', (host) => ({ default: reject, transports: { docker: { [host]: accept } } })],
    ['by namespace', (host) => ({ default: reject, transports: { docker: { [`${host}/team`]: accept } } })],
    ['by repository', (host) => ({ default: reject, transports: { docker: { [`${host}/team/app`]: accept } } })],
    ['by the default of the transport', () => ({ default: reject, transports: { docker: { '': accept } } })],
    ['by the default', () => ({ default: accept })],
    ['by a domain', () => ({ default: reject, transports: { docker: { '*.0.0.1': accept } } })],
    ['by a domain that rejects', () => ({ default: reject, transports: { docker: { '*.0.0.1': reject } } })],
    ['with another host only', () => ({ default: reject, transports: { docker: { '127.0.0.1': accept } } })],
    ['with another transport only', () => ({ default: reject, transports: { oci: { '': accept } } })],
  ];
  for (const [title, make] of policies) {
    it(title, async () => {
      const theirs = join(folder, 'policy.json');
      const ours = join(folder, 'policy.yaml');
      const json = JSON.stringify(make(registry.host));
      await writeFile(theirs, json);
      await writeFile(ours, importContainersPolicy(json, theirs, { allowUnsigned: true }).policy);
      const policy = await loadPolicy(ours);
      for (const repository of repositories) {
        const image = `docker://${registry.host}/${repository}:v1`;
        const copied = run(peer('skopeo'), [
          '--policy',
          theirs,
          'copy',
          '--src-tls-verify=false',
          image,
          `dir:${folder}/copy`,
        ]);
        const skopeoAccepts = await copied.then(
          () => true,
          (error) => {
            assert.match(String(error.stderr), /rejected by policy|Source image rejected/);
            return false;
          },
        );
        let weAccept = true;
        try {
          authorize(policy, { registry: registry.host, repository }, 'Seccomp');
        } catch (error) {
          assert.ok(error instanceof FairleadError && error.kind === 'NotAllowed');
          weAccept = false;
        }
        assert.equal(weAccept, skopeoAccepts, repository);
      }
    });
  }
});
