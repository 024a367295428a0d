import assert from 'node:assert/strict';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { kubeletProviderCredentials } from './kubelet-provider.ts';

let directory: string;
let now = 0;
before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'provider-'));
});
after(() => rm(directory, { recursive: true }));

const config = (duration = '1h') => `
apiVersion: kubelet.config.k8s.io/v1
kind: CredentialProviderConfig
providers:
- name: provider
  apiVersion: credentialprovider.kubelet.k8s.io/v1
  matchImages: ["*.example.com", "registry.test:5000/team"]
  defaultCacheDuration: ${duration}
  args: [get]
  env: [{name: WHO, value: kubelet}]
`;

/** A provider that notes what it is asked and answers with the given text. */
async function provider(answer: unknown, exit = 0): Promise<void> {
  const text = typeof answer === 'string' ? answer : JSON.stringify(answer);
  await writeFile(join(directory, 'answer'), text);
  const program = `#!/bin/sh\necho "$1 $WHO $(cat)" >> ${directory}/asked\ncat ${directory}/answer\nexit ${exit}\n`;
  await writeFile(join(directory, 'provider'), program);
  await chmod(join(directory, 'provider'), 0o755);
  await writeFile(join(directory, 'asked'), '');
}

const open = (text = config()) =>
  kubeletProviderCredentials(text, {
    file: 'config.yaml',
    programs: directory,
    env: { PATH: process.env['PATH'] },
    clock: () => now,
  });
const response = (auth: object, more: object = {}) => ({
  apiVersion: 'credentialprovider.kubelet.k8s.io/v1',
  kind: 'CredentialProviderResponse',
  cacheKeyType: 'Registry',
  auth,
  ...more,
});
const asked = async (): Promise<string[]> =>
  (await readFile(join(directory, 'asked'), 'utf8'))
    .trim()
    .split('\n')
    .filter((line) => line !== '');

describe('kubeletProviderCredentials', () => {
  it('asks the provider as the kubelet does, and keeps the answer for the registry', async () => {
    await provider(
      response({
        '*.example.com': { username: 'u', password: 'p' },
        'a.example.com/team': { username: 'team', password: 'p' },
      }),
    );
    const find = await open();
    assert.deepEqual(await find({ registry: 'a.example.com', repository: 'x' }), { username: 'u', password: 'p' });
    assert.deepEqual(await find({ registry: 'a.example.com', repository: 'team/x' }), {
      username: 'team',
      password: 'p',
    });
    assert.equal(await find({ registry: 'a.b.example.com', repository: 'x' }), undefined);
    const request =
      '{"kind":"CredentialProviderRequest","apiVersion":"credentialprovider.kubelet.k8s.io/v1","image":"a.example.com/x"}';
    assert.deepEqual(await asked(), [`get kubelet ${request}`]);
  });

  it('asks once for all spellings of a registry', async () => {
    const hub = config().replace('"*.example.com"', '"index.docker.io", "*.example.com"');
    await provider(response({ 'index.docker.io': { username: 'u', password: 'p' } }));
    const find = await open(hub);
    for (const registry of ['docker.io', 'registry-1.docker.io', 'Index.docker.io:443'])
      assert.deepEqual(await find({ registry, repository: 'acme/x' }), { username: 'u', password: 'p' }, registry);
    await find({ registry: 'A.example.com', repository: 'x' });
    await find({ registry: 'a.example.com:443', repository: 'x' });
    assert.deepEqual(
      (await asked()).map((line) => /"image":"([^"]*)"/.exec(line)?.[1]),
      ['index.docker.io/acme/x', 'a.example.com/x'],
    );
  });

  it('asks again when the answer has aged, or is for one image', async () => {
    await provider(response({ '*.example.com': { username: 'u', password: 'p' } }, { cacheDuration: '1m30s' }));
    const find = await open();
    for (const at of [0, 89_000, 91_000]) {
      now = at;
      await find({ registry: 'a.example.com', repository: 'x' });
    }
    assert.equal((await asked()).length, 2);
    await provider(response({ '*.example.com': { username: 'u', password: 'p' } }, { cacheKeyType: 'Image' }));
    const each = await open();
    for (const repository of ['x', 'y', 'x']) await each({ registry: 'a.example.com', repository });
    assert.equal((await asked()).length, 2);
  });

  it('shows nothing of what a provider printed when it fails', async () => {
    for (const [answer, exit] of [
      ['a-secret', 0],
      ['a-secret', 1],
      [{ kind: 'a-secret' }, 0],
    ] as const) {
      await provider(answer, exit);
      const find = await open();
      await assert.rejects(find({ registry: 'a.example.com', repository: 'x' }), (error: Error) => {
        assert.match(error.message, /credential provider .*provider/);
        assert.doesNotMatch(`${error.message}${error.stack}`, /a-secret/);
        return true;
      });
    }
  });

  it('does not ask a provider that wants the service account of a pod', async () => {
    await provider(response({ '*.example.com': { username: 'u', password: 'p' } }));
    const attributes = '  tokenAttributes: {serviceAccountTokenAudience: a, cacheType: Token, requireServiceAccount: ';
    const required = await open(`${config()}${attributes}true}\n`);
    await assert.rejects(required({ registry: 'a.example.com', repository: 'x' }), {
      kind: 'Unauthenticated',
      message: /service account/,
    });
    assert.deepEqual(await asked(), []);
    const optional = await open(`${config()}${attributes}false}\n`);
    assert.notEqual(await optional({ registry: 'a.example.com', repository: 'x' }), undefined);
  });

  it('refuses a config that names a program elsewhere, or is of another kind', async () => {
    await assert.rejects(open(config().replace('name: provider', 'name: ../evil')), {
      kind: 'InvalidInput',
      message: /providers\.0\.name/,
    });
    await assert.rejects(open(config().replace('CredentialProviderConfig', 'Other')), {
      kind: 'InvalidInput',
      message: /kind/,
    });
    await assert.rejects(open(config('soon')), { kind: 'InvalidInput', message: /invalid duration/ });
    await assert.rejects(open(config().replace('name: provider', 'name: absent')), {
      kind: 'InvalidInput',
      message: /config\.yaml: cannot run the credential provider .*absent/,
    });
  });
});
