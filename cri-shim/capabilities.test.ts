import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { create } from '@bufbuild/protobuf';
import { containerCapabilities } from './capabilities.ts';
import { CapabilitySchema } from './gen/cri_pb.js';

const of = (addCapabilities: string[], dropCapabilities: string[], addAmbientCapabilities: string[] = []) =>
  containerCapabilities(create(CapabilitySchema, { addCapabilities, dropCapabilities, addAmbientCapabilities }));

describe('container capabilities', () => {
  it('are the runtime default where nothing is asked for', () => {
    assert.equal(containerCapabilities(undefined).length, 14);
    assert.ok(containerCapabilities(undefined).includes('CAP_SYS_CHROOT'));
  });

  it('follow what is added and dropped, in any spelling', () => {
    assert.ok(of(['SYS_ADMIN'], []).includes('CAP_SYS_ADMIN'));
    assert.ok(of(['CAP_SYS_ADMIN', 'sys_time'], []).includes('CAP_SYS_TIME'));
    assert.ok(!of([], ['SYS_CHROOT']).includes('CAP_SYS_CHROOT'));
    assert.ok(!of(['SYS_ADMIN'], ['SYS_ADMIN']).includes('CAP_SYS_ADMIN'));
    assert.deepEqual(of(['NET_BIND_SERVICE'], ['ALL']), ['CAP_NET_BIND_SERVICE']);
    assert.equal(of(['ALL'], []).length, 41);
    assert.ok(!of(['ALL'], ['CHOWN']).includes('CAP_CHOWN'));
    assert.deepEqual(of(['ALL'], ['ALL']), []);
    assert.ok(of([], [], ['SYS_PTRACE']).includes('CAP_SYS_PTRACE'));
  });
});
