import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { authConfigCredentials, dockerConfigCredentials } from './credentials.ts';

const base64 = (text: string): string => Buffer.from(text).toString('base64');
let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'credentials-'));
});
after(() => rm(folder, { recursive: true }));

describe('dockerConfigCredentials', () => {
  const find = async (config: unknown, registry: string) => {
    await writeFile(join(folder, 'config.json'), typeof config === 'string' ? config : JSON.stringify(config));
    return dockerConfigCredentials({ DOCKER_CONFIG: folder })({ registry, repository: 'a' });
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

  it('is anonymous without a file, below HOME too', async () => {
    assert.equal(await dockerConfigCredentials({})({ registry: 'a.io', repository: 'a' }), undefined);
    const empty = dockerConfigCredentials({ HOME: join(folder, 'nobody') });
    assert.equal(await empty({ registry: 'a.io', repository: 'a' }), undefined);
    await mkdir(join(folder, '.docker'));
    await writeFile(
      join(folder, '.docker/config.json'),
      JSON.stringify({ auths: { 'a.io': { auth: base64('u:p') } } }),
    );
    const home = dockerConfigCredentials({ HOME: folder });
    assert.deepEqual(await home({ registry: 'a.io', repository: 'a' }), { username: 'u', password: 'p' });
  });

  it('names the file and tells nothing of its content where it is not right', async () => {
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
  });
});
