import assert from 'node:assert/strict';
import { chmod, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { authConfigCredentials } from './credentials.ts';
import { dockerConfigCredentials, parseDockerConfig, registryCredentials } from './find-credentials.ts';
import { eraseCredentials, saveCredentials } from './save-credentials.ts';

/** Spellings of Docker Hub in references, and in files of credentials. */
const hubHosts = ['docker.io', 'index.docker.io', 'registry-1.docker.io', 'Docker.io:443'] as const;
const hubKeys = [...hubHosts, 'https://index.docker.io/v1/', 'https://registry-1.docker.io/v2/'] as const;

const base64 = (text: string): string => Buffer.from(text).toString('base64');
let directory: string;
before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'credentials-'));
});
after(() => rm(directory, { recursive: true }));

describe('dockerConfigCredentials', () => {
  const find = async (config: unknown, registry: string) => {
    await writeFile(join(directory, 'config.json'), typeof config === 'string' ? config : JSON.stringify(config));
    return dockerConfigCredentials({ DOCKER_CONFIG: directory })({ registry, repository: 'a' });
  };

  it('reads auth, username and password, identity and registry tokens', async () => {
    const auths = {
      'one.io': { auth: base64('me:pass:word') },
      'https://two.io/v1/': { username: 'me', password: 'secret' },
      'three.io:5000': { auth: base64('00000000-0000-0000-0000-000000000000:'), identitytoken: 'identity' },
      'four.io': { registrytoken: 'registry' },
      'https://index.docker.io/v1/': { auth: base64('hub:secret') },
      'empty.io': {},
    };
    assert.deepEqual(await find({ auths }, 'one.io'), { username: 'me', password: 'pass:word' });
    assert.deepEqual(await find({ auths }, 'two.io'), { username: 'me', password: 'secret' });
    assert.deepEqual(await find({ auths }, 'three.io:5000'), { identityToken: 'identity' });
    assert.deepEqual(await find({ auths }, 'four.io'), { registryToken: 'registry' });
    assert.deepEqual(await find({ auths }, 'docker.io'), { username: 'hub', password: 'secret' });
    for (const other of ['empty.io', 'other.io', 'three.io', 'one.io.evil.io', '__proto__']) {
      assert.equal(await find({ auths }, other), undefined, other);
    }
  });

  it('finds an entry under a URL of the registry, after one under its name', async () => {
    const entry = (user: string) => ({ username: user, password: 'p' });
    for (const key of ['https://a.io', 'http://a.io', 'https://a.io/', 'https://a.io/v1', 'http://a.io/v2/']) {
      assert.deepEqual(await find({ auths: { [key]: entry('url') } }, 'a.io'), entry('url'), key);
      assert.deepEqual(
        await find({ auths: { [key]: entry('url'), 'a.io': entry('name') } }, 'a.io'),
        entry('name'),
        key,
      );
    }
    for (const key of ['https://a.io/v3', 'https://a.io.evil.io', 'a.io/v1', 'ftp://a.io', 'https://u@a.io', 'a.io.'])
      assert.equal(await find({ auths: { [key]: entry('other') } }, 'a.io'), undefined, key);
  });

  it('finds an entry under another spelling of the registry', async () => {
    const entry = { username: 'u', password: 'p' };
    for (const [keys, registries] of [
      [hubKeys, hubHosts],
      [
        ['a.io', 'A.io', 'a.io:443', 'https://A.io:443/v2/'],
        ['a.io', 'A.IO', 'a.io:0443'],
      ],
      [
        ['a.io:5000', 'A.io:05000'],
        ['a.io:5000', 'A.IO:5000'],
      ],
    ] as const) {
      for (const key of keys)
        for (const registry of registries)
          assert.deepEqual(await find({ auths: { [key]: entry } }, registry), entry, `${key} ${registry}`);
    }
    for (const registry of ['docker.io:5000', 'hub.docker.io', 'a.io:5000'])
      assert.equal(await find({ auths: { 'docker.io': entry, 'a.io': entry } }, registry), undefined, registry);
  });

  it('is anonymous without a file, below HOME too', async () => {
    assert.equal(await dockerConfigCredentials({})({ registry: 'a.io', repository: 'a' }), undefined);
    const empty = dockerConfigCredentials({ HOME: join(directory, 'absent') });
    assert.equal(await empty({ registry: 'a.io', repository: 'a' }), undefined);
    await mkdir(join(directory, '.docker'));
    await writeFile(
      join(directory, '.docker/config.json'),
      JSON.stringify({ auths: { 'a.io': { auth: base64('u:p') } } }),
    );
    const home = dockerConfigCredentials({ HOME: directory });
    assert.deepEqual(await home({ registry: 'a.io', repository: 'a' }), { username: 'u', password: 'p' });
  });

  it('names an invalid file, and nothing of its content', async () => {
    for (const config of [
      '{"auths": {"a.io": {"auth": "c2VjcmV0OnNlY3JldA==" ',
      { auths: { 'a.io': { auth: ['c2VjcmV0'] } } },
      { auths: { 'a.io': { auth: base64('secret') } } },
    ]) {
      await assert.rejects(find(config, 'a.io'), (error: Error) => {
        assert.match(error.message, /config\.json/);
        assert.doesNotMatch(`${error.message} ${error.stack}`, /c2VjcmV0|secret/);
        assert.equal(error.cause, undefined);
        return true;
      });
    }
  });
});

describe('authConfigCredentials', () => {
  it('reads what the kubelet sends', () => {
    assert.deepEqual(authConfigCredentials({ username: 'u', password: 'p' }, 'a.io'), { username: 'u', password: 'p' });
    assert.deepEqual(authConfigCredentials({ auth: base64('u:p\0\0') }, 'a.io'), { username: 'u', password: 'p' });
    assert.deepEqual(authConfigCredentials({ identityToken: 't' }, 'a.io'), { identityToken: 't' });
    assert.deepEqual(authConfigCredentials({ registryToken: 't' }, 'a.io'), { registryToken: 't' });
    assert.equal(authConfigCredentials({ username: '', password: '', auth: '' }, 'a.io'), undefined);
  });

  it('keeps credentials of another registry to itself', () => {
    const auth = { username: 'u', password: 'p' };
    assert.deepEqual(authConfigCredentials({ ...auth, serverAddress: 'https://a.io/v1/' }, 'a.io'), auth);
    assert.deepEqual(
      authConfigCredentials({ ...auth, serverAddress: 'https://index.docker.io/v1/' }, 'docker.io'),
      auth,
    );
    assert.equal(authConfigCredentials({ ...auth, serverAddress: 'b.io' }, 'a.io'), undefined);
    for (const serverAddress of hubKeys)
      for (const host of hubHosts)
        assert.deepEqual(authConfigCredentials({ ...auth, serverAddress }, host), auth, host);
    assert.deepEqual(authConfigCredentials({ ...auth, serverAddress: 'A.io:443' }, 'a.io'), auth);
  });
});

describe('registryCredentials', () => {
  it('takes the closest entry of auth.json, then what Docker has', async () => {
    const runtime = join(directory, 'run');
    await mkdir(join(runtime, 'containers'), { recursive: true });
    await mkdir(join(directory, 'docker'));
    const entry = (user: string) => ({ auth: base64(`${user}:p`) });
    const auths = { 'a.io': entry('host'), 'a.io/team': entry('team'), 'a.io/team/app': entry('app') };
    await writeFile(join(runtime, 'containers/auth.json'), JSON.stringify({ auths }));
    await writeFile(
      join(directory, 'docker/config.json'),
      JSON.stringify({ auths: { 'a.io': entry('docker'), 'b.io': entry('docker') } }),
    );
    const env = { XDG_RUNTIME_DIR: runtime, DOCKER_CONFIG: join(directory, 'docker') };
    const find = registryCredentials(env);
    const user = async (registry: string, repository: string) => {
      const found = await find({ registry, repository });
      return found !== undefined && 'username' in found ? found.username : undefined;
    };
    assert.equal(await user('a.io', 'team/app'), 'app');
    assert.equal(await user('a.io', 'team/app/deep'), 'app');
    assert.equal(await user('a.io', 'team/apples'), 'team');
    assert.equal(await user('a.io', 'teams'), 'host');
    assert.equal(await user('b.io', 'team'), 'docker');
    assert.equal(await user('c.io', 'team'), undefined);
    const only = registryCredentials({ ...env, REGISTRY_AUTH_FILE: join(runtime, 'containers/auth.json') });
    assert.equal(await only({ registry: 'b.io', repository: 'x' }), undefined);
  });
});

it('registryCredentials reads a file each time, since a mounted pull secret changes', async () => {
  const file = join(directory, '.dockerconfigjson');
  const find = registryCredentials({ REGISTRY_AUTH_FILE: file });
  assert.equal(await find({ registry: 'a.io', repository: 'x' }), undefined);
  for (const password of ['old', 'new']) {
    await writeFile(file, JSON.stringify({ auths: { 'a.io': { auth: base64(`u:${password}`) } } }));
    assert.deepEqual(await find({ registry: 'a.io', repository: 'x' }), { username: 'u', password });
  }
});

it('parseDockerConfig reads a pull secret and runs no helper', async () => {
  const text = JSON.stringify({ auths: { 'a.io': { auth: base64('u:p') } }, credsStore: 'no-such-helper' });
  const find = parseDockerConfig(text, 'secret default/pull');
  assert.deepEqual(await find({ registry: 'a.io', repository: 'x' }), { username: 'u', password: 'p' });
  assert.equal(await find({ registry: 'b.io', repository: 'x' }), undefined);
});

it('parseDockerConfig reads patterns as Kubernetes does, if no name matches', async () => {
  const entry = (user: string) => ({ username: user, password: 'p' });
  const auths = { '*.example.io': entry('any'), 'a.example.io': entry('a'), '*.example.io/team': entry('team') };
  const find = parseDockerConfig(JSON.stringify({ auths }), 'secret default/pull');
  const user = async (registry: string, repository = 'x') => {
    const found = await find({ registry, repository });
    return found !== undefined && 'username' in found ? found.username : undefined;
  };
  assert.equal(await user('a.example.io'), 'a');
  assert.equal(await user('b.example.io'), 'any');
  assert.equal(await user('b.example.io', 'team/x'), 'team');
  assert.equal(await user('B.Example.io:443'), 'any');
  const hub = parseDockerConfig(JSON.stringify({ auths: { '*.docker.io': entry('hub') } }), 'secret default/pull');
  for (const registry of hubHosts) assert.deepEqual(await hub({ registry, repository: 'x' }), entry('hub'), registry);
  for (const registry of ['example.io', 'a.b.example.io', 'b.example.io:5000', 'b.example.io.evil.io'])
    assert.equal(await user(registry), undefined, registry);
});

describe('credential helpers', () => {
  let bin: string;
  let env: Record<string, string>;
  before(async () => {
    bin = join(directory, 'bin');
    await mkdir(bin);
    env = {
      PATH: `${bin}:${process.env['PATH']}`,
      DOCKER_CONFIG: join(directory, 'helped'),
      STORE: join(directory, 'store'),
    };
    await mkdir(join(directory, 'helped'));
    await mkdir(join(directory, 'store'));
    // The protocol of docker-credential-helpers, kept in files.
    const program = `#!/bin/sh
      read -r line
      case "$1" in
        get) key=$(echo "$line" | tr '/:' '__'); cat "$STORE/$key" 2>/dev/null || { echo "credentials not found in native keychain"; exit 1; } ;;
        store) key=$(echo "$line" | sed 's/.*"ServerURL":"\\([^"]*\\)".*/\\1/' | tr '/:' '__'); echo "$line" > "$STORE/$key" ;;
        erase) key=$(echo "$line" | tr '/:' '__'); rm "$STORE/$key" ;;
      esac`;
    await writeFile(join(bin, 'docker-credential-files'), program);
    await writeFile(
      join(bin, 'docker-credential-broken'),
      '#!/bin/sh\necho "a-secret: the keychain is locked"; exit 3',
    );
    await writeFile(join(bin, 'docker-credential-noise'), '#!/bin/sh\necho "a-secret"');
    await writeFile(join(bin, 'docker-credential-endless'), '#!/bin/sh\nyes a-secret');
    for (const name of ['files', 'broken', 'noise', 'endless'])
      await chmod(join(bin, `docker-credential-${name}`), 0o755);
  });
  const configure = (config: unknown) => writeFile(join(directory, 'helped/config.json'), JSON.stringify(config));
  const find = (registry: string) => dockerConfigCredentials(env)({ registry, repository: 'x' });

  it('store, return and erase credentials, by registry or for all', async () => {
    for (const config of [{ credHelpers: { 'a.io': 'files', 'docker.io': 'files' } }, { credsStore: 'files' }]) {
      await configure(config);
      assert.equal(await find('a.io'), undefined);
      assert.equal(await saveCredentials(env, 'a.io', { username: 'u', password: 'p' }), 'docker-credential-files');
      await saveCredentials(env, 'docker.io', { identityToken: 'token' });
      assert.deepEqual(await find('a.io'), { username: 'u', password: 'p' });
      assert.deepEqual(await find('registry-1.docker.io'), { identityToken: 'token' });
      assert.doesNotMatch(await readFile(join(directory, 'helped/config.json'), 'utf8'), /auths":\s*\{"/);
      assert.equal(await eraseCredentials(env, 'a.io'), true);
      await eraseCredentials(env, 'docker.io');
      assert.equal(await find('a.io'), undefined);
    }
  });

  it('are asked by whichever name of the registry has something', async () => {
    for (const key of hubHosts) {
      await configure({ credHelpers: { [key]: 'files' } });
      await saveCredentials(env, key, { identityToken: key });
      for (const registry of hubHosts)
        assert.deepEqual(await find(registry), { identityToken: key }, `${key} ${registry}`);
      await eraseCredentials(env, 'docker.io');
      for (const registry of hubHosts) assert.equal(await find(registry), undefined, registry);
    }
    await configure({ credsStore: 'files' });
    for (const kept of ['a.io:443', 'A.io']) {
      await saveCredentials(env, kept, { username: 'u', password: kept });
      assert.deepEqual(await find(kept), { username: 'u', password: kept }, 'as it was written');
      await eraseCredentials(env, kept);
      assert.equal(await find(kept), undefined);
    }
    await saveCredentials(env, 'a.io', { username: 'u', password: 'p' });
    for (const registry of ['a.io:443', 'A.io'])
      assert.deepEqual(await find(registry), { username: 'u', password: 'p' });
    await eraseCredentials(env, 'A.io');
    assert.equal(await find('a.io'), undefined);
  });

  it('fall back to auths if credsStore has no entry', async () => {
    await configure({ credsStore: 'files', auths: { 'a.io': { auth: base64('file:p') } } });
    assert.deepEqual(await find('a.io'), { username: 'file', password: 'p' });
  });

  for (const name of ['broken', 'noise', 'endless', 'absent']) {
    it(`that are ${name} are named, and their output is not shown`, async () => {
      await configure({ credHelpers: { 'a.io': name } });
      await assert.rejects(find('a.io'), (error: Error) => {
        assert.match(error.message, new RegExp(`docker-credential-${name}`));
        assert.doesNotMatch(`${error.message}${error.stack}`, /a-secret/);
        return true;
      });
    });
  }

  it('are named, never located', async () => {
    await configure({ credsStore: '../../tmp/evil' });
    await assert.rejects(find('a.io'), { kind: 'InvalidInput', message: /credsStore/ });
  });
});

describe('saveCredentials without a helper', () => {
  it('keeps them in config.json for the owner only, with all that was there', async () => {
    const env = { HOME: join(directory, 'home') };
    const file = join(directory, 'home/.docker/config.json');
    await mkdir(join(directory, 'home/.docker'), { recursive: true });
    await writeFile(file, JSON.stringify({ detachKeys: 'ctrl-x', auths: { 'b.io': { auth: base64('b:b') } } }));
    assert.equal(await saveCredentials(env, 'a.io:5000', { username: 'u', password: 'p:w' }), file);
    await saveCredentials(env, 'c.io', { identityToken: 'token' });
    const written = JSON.parse(await readFile(file, 'utf8'));
    assert.equal(written.detachKeys, 'ctrl-x');
    assert.deepEqual(Object.keys(written).sort(), ['auths', 'detachKeys']);
    assert.equal((await stat(file)).mode & 0o777, 0o600);
    const find = dockerConfigCredentials(env);
    assert.deepEqual(await find({ registry: 'a.io:5000', repository: 'x' }), { username: 'u', password: 'p:w' });
    assert.deepEqual(await find({ registry: 'b.io', repository: 'x' }), { username: 'b', password: 'b' });
    assert.deepEqual(await find({ registry: 'c.io', repository: 'x' }), { identityToken: 'token' });
    assert.equal(await eraseCredentials(env, 'a.io:5000'), true);
    assert.equal(await eraseCredentials(env, 'a.io:5000'), false);
    assert.equal(await dockerConfigCredentials(env)({ registry: 'a.io:5000', repository: 'x' }), undefined);
  });

  it('replaces and erases an entry under another name of the registry', async () => {
    const env = { DOCKER_CONFIG: join(directory, 'names') };
    const file = join(directory, 'names/config.json');
    await mkdir(join(directory, 'names'));
    const old = { auth: base64('old:old') };
    for (const [registry, key] of [
      ['docker.io', 'docker.io'],
      ['docker.io', 'registry-1.docker.io'],
      ['a.io', 'https://a.io/v2/'],
    ] as const) {
      const auths = { [key]: old, [`${registry}/team`]: old };
      await writeFile(file, JSON.stringify({ auths }));
      await saveCredentials(env, registry, { username: 'u', password: 'p' });
      const find = () => dockerConfigCredentials(env)({ registry, repository: 'x' });
      assert.deepEqual(await find(), { username: 'u', password: 'p' });
      await writeFile(file, JSON.stringify({ auths }));
      assert.equal(await eraseCredentials(env, registry), true);
      assert.equal(await find(), undefined);
      assert.deepEqual(JSON.parse(await readFile(file, 'utf8')).auths, { [`${registry}/team`]: old });
    }
  });
});
