import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { capabilities as capabilityNames } from '../../apparmor/vocabulary.ts';
import { defaultCapabilities, parseRuntimeIdentity, runtimeNames } from './runtime-identity.ts';

describe('parseRuntimeIdentity', () => {
  it('knows the runtimes by the names that they report', () => {
    assert.deepEqual(parseRuntimeIdentity('containerd', 'v2.1.9'), { name: 'containerd', version: 'v2.1.9' });
    assert.deepEqual(parseRuntimeIdentity('cri-o', '1.37.0'), { name: 'cri-o', version: '1.37.0' });
    assert.deepEqual(parseRuntimeIdentity('crio', ''), { name: 'cri-o', version: '' });
    assert.deepEqual(parseRuntimeIdentity(' Docker\n', ' 29.4.2 '), { name: 'docker', version: '29.4.2' });
  });

  it('knows no others', () => {
    for (const name of ['', '-', 'cri', 'o', 'podman', 'containerd-shim', 'dockerd', 'cri--o']) {
      assert.equal(parseRuntimeIdentity(name, '1.0.0'), undefined, name);
    }
  });
});

describe('defaultCapabilities', () => {
  it('are fourteen, and nine of these under CRI-O', () => {
    const [containerd, criO, docker] = runtimeNames.map(defaultCapabilities);
    assert.equal(containerd?.length, 14);
    assert.deepEqual(docker, containerd);
    assert.deepEqual(
      containerd?.filter((name) => !criO?.includes(name)),
      ['CAP_AUDIT_WRITE', 'CAP_MKNOD', 'CAP_NET_RAW', 'CAP_SETFCAP', 'CAP_SYS_CHROOT'],
    );
    assert.deepEqual(
      criO,
      containerd?.filter((name) => criO?.includes(name)),
    );
    assert.deepEqual(defaultCapabilities(undefined), criO);
  });

  it('are capabilities, sorted', () => {
    for (const names of runtimeNames.map(defaultCapabilities)) {
      assert.deepEqual(names, [...new Set(names)].sort());
      for (const name of names) assert.ok(capabilityNames.has(name.slice('CAP_'.length).toLowerCase()), name);
    }
  });
});
