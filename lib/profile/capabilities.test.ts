import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { defaultCapabilities, type RuntimeName } from '#lib/profile/seccomp/tables/runtime-identity';
import { containerCapabilities } from './capabilities.ts';

const of = (name: RuntimeName | undefined, addCapabilities: string[], dropCapabilities: string[] = []) =>
  containerCapabilities(
    { addCapabilities, dropCapabilities },
    {
      name,
      defaults: defaultCapabilities(name),
    },
  );

describe('container capabilities', () => {
  it('are the default of the runtime where nothing is asked for', () => {
    const unchanged = (name: RuntimeName | undefined) =>
      containerCapabilities(undefined, { name, defaults: defaultCapabilities(name) });
    assert.equal(unchanged('containerd').length, 14);
    assert.equal(unchanged('cri-o').length, 9);
    assert.ok(unchanged('containerd').includes('CAP_SYS_CHROOT'));
    assert.ok(!unchanged('cri-o').includes('CAP_SYS_CHROOT'));
    assert.deepEqual(unchanged(undefined), unchanged('cri-o'));
    assert.deepEqual(containerCapabilities(undefined, { name: 'cri-o', defaults: ['CAP_BPF'] }), ['CAP_BPF']);
  });

  it('follow what is added and dropped, in any case', () => {
    for (const name of ['containerd', 'cri-o', 'docker', undefined] as const) {
      assert.ok(of(name, ['SYS_ADMIN']).includes('CAP_SYS_ADMIN'));
      assert.ok(of(name, ['sys_time']).includes('CAP_SYS_TIME'));
      assert.ok(!of(name, [], ['CHOWN']).includes('CAP_CHOWN'));
      assert.ok(!of(name, ['SYS_ADMIN'], ['SYS_ADMIN']).includes('CAP_SYS_ADMIN'));
      assert.deepEqual(of(name, ['NET_BIND_SERVICE'], ['ALL']), ['CAP_NET_BIND_SERVICE']);
      assert.equal(of(name, ['all']).length, 41);
      assert.ok(!of(name, ['ALL'], ['CHOWN']).includes('CAP_CHOWN'));
      assert.deepEqual(of(name, ['ALL'], ['ALL']), []);
    }
  });

  it('with a prefix are ignored for containerd, and count against the container if the runtime is not known', () => {
    assert.ok(!of('containerd', ['CAP_SYS_ADMIN']).includes('CAP_SYS_ADMIN'));
    assert.ok(of('containerd', [], ['CAP_CHOWN']).includes('CAP_CHOWN'));
    assert.ok(of('cri-o', ['cap_sys_admin']).includes('CAP_SYS_ADMIN'));
    assert.ok(!of('cri-o', [], ['CAP_CHOWN']).includes('CAP_CHOWN'));
    assert.ok(!of(undefined, ['CAP_SYS_ADMIN']).includes('CAP_SYS_ADMIN'));
    assert.ok(!of(undefined, [], ['CAP_CHOWN']).includes('CAP_CHOWN'));
  });

  it('are never all by another name than ALL', () => {
    for (const name of ['containerd', 'cri-o', 'docker', undefined] as const) {
      assert.ok(!of(name, ['CAP_ALL']).includes('CAP_ALL'));
      assert.ok(!of(name, ['CAP_ALL']).includes('CAP_SYS_ADMIN'));
    }
  });
});
