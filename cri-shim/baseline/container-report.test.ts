import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { runtimeDefault } from '#lib/profile/seccomp/runtime-default';
import { v2_1_0 } from '#lib/profile/seccomp/tables/runtime-defaults/containerd';
import { renderSeccompJson } from '#lib/profile/seccomp/write/render-json';
import { parseContainerReport } from './container-report.ts';

const annotation = 'io.kubernetes.cri-o.SeccompProfilePath';
const bounding = ['CAP_KILL', 'CAP_CHOWN', 'CAP_KILL'];

/** What a runtime reports, with a part of it replaced. */
function report(change: object = {}, spec: object = {}, seccomp: object = {}): string {
  return JSON.stringify({
    sandboxID: 's',
    pid: 7,
    runtimeSpec: {
      process: { env: ['SECRET=x'], capabilities: { bounding } },
      linux: { seccomp: { defaultAction: 'SCMP_ACT_ERRNO', ...seccomp } },
      ...spec,
    },
    ...change,
  });
}

function reasonOf(info: string | undefined): string {
  const parsed = parseContainerReport(info);
  assert.ok('unusable' in parsed, JSON.stringify(parsed));
  return parsed.unusable;
}

describe('a report of a container', () => {
  it('has its profile, with every number as it is, and its bounding set', () => {
    const profile = runtimeDefault([v2_1_0], { architecture: 'amd64', kernel: '6.1', capabilities: [] });
    const seccomp = JSON.stringify('SECCOMP');
    const text = report({}, { linux: { seccomp: 'SECCOMP' } }).replace(seccomp, renderSeccompJson(profile));
    const found = parseContainerReport(text.replace('4294967295', '18446744073709551615'));
    assert.ok('profile' in found);
    assert.deepEqual(found.capabilities, ['CAP_CHOWN', 'CAP_KILL']);
    const values = found.profile.syscalls?.flatMap(({ args = [] }) => args.map(({ value }) => value)) ?? [];
    assert.ok(values.includes(18446744073709551615n));
    assert.equal(found.profile.syscalls?.length, profile.syscalls?.length);
  });

  it('may name a syscall twice, as those of CRI-O do', () => {
    const syscalls = [{ names: ['writev', 'write', 'writev'], action: 'SCMP_ACT_ALLOW' }];
    assert.ok('profile' in parseContainerReport(report({}, {}, { syscalls })));
  });

  it('may have no capabilities', () => {
    for (const process of [{}, { capabilities: {} }, { capabilities: null }, { capabilities: { bounding: null } }]) {
      const found = parseContainerReport(report({}, { process }));
      assert.deepEqual('capabilities' in found && found.capabilities, []);
    }
  });

  it('counts in CRI-O only for what runs under RuntimeDefault', () => {
    assert.ok('profile' in parseContainerReport(report({}, { annotations: { [annotation]: 'RuntimeDefault' } })));
    for (const path of ['Unconfined', '', '/var/lib/fairlead/effective/x.json']) {
      assert.match(reasonOf(report({}, { annotations: { [annotation]: path } })), /another profile/);
    }
  });

  it('does not count for a privileged container, or one from a checkpoint', () => {
    assert.ok('profile' in parseContainerReport(report({ privileged: false, restored: false })));
    assert.match(reasonOf(report({ privileged: true })), /privileged/);
    assert.match(reasonOf(report({ restored: true })), /restored/);
  });

  it('does not count where the profile cannot be a default one', () => {
    assert.match(reasonOf(undefined), /does not report/);
    for (const linux of [{}, { seccomp: null }, null]) assert.match(reasonOf(report({}, { linux })), /no seccomp/);
    for (const defaultAction of ['SCMP_ACT_ALLOW', 'SCMP_ACT_LOG', 'SCMP_ACT_TRACE', 'SCMP_ACT_NOTIFY']) {
      assert.match(reasonOf(report({}, {}, { defaultAction })), new RegExp(defaultAction));
    }
    assert.match(reasonOf(report({}, {}, { listenerPath: '/run/crio/seccomp/x' })), /listener/);
    const syscalls = [{ names: ['mount'], action: 'SCMP_ACT_NOTIFY' }];
    assert.match(reasonOf(report({}, {}, { syscalls })), /listener/);
    assert.match(reasonOf(report({}, {}, { futureField: true })), /unknown fields/);
    assert.match(reasonOf(report({}, { process: { capabilities: { bounding: [5] } } })), /bounding/);
    assert.match(reasonOf(report({}, { process: { capabilities: { bounding: 'CAP_KILL' } } })), /bounding/);
  });

  it('is an error where it is garbage, which names nothing of its content', () => {
    for (const text of [
      '',
      '{',
      'null x',
      report({}, {}, { defaultAction: 'ALLOW' }),
      report({}, {}, { syscalls: 5 }),
    ]) {
      assert.throws(
        () => parseContainerReport(text),
        (error: Error & { kind: string }) => {
          assert.equal(error.kind, 'ProfileInvalid');
          return !error.message.includes('SECRET');
        },
      );
    }
    assert.match(reasonOf('[]'), /no seccomp/);
    assert.match(reasonOf('5'), /no seccomp/);
    assert.throws(() => parseContainerReport('['.repeat(100_000)), { kind: 'LimitExceeded' });
  });
});
