import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseRuntimeFacts } from './runtime-facts.ts';

const containerd = { runtimeName: 'containerd', runtimeVersion: '2.1.9+unknown' };
const criO = { runtimeName: 'cri-o', runtimeVersion: '1.37.0' };

describe('what a runtime reports of itself', () => {
  it('is read from the configuration of containerd', () => {
    const config = {
      containerd: {
        defaultRuntimeName: 'runc',
        runtimes: {
          runc: { runtimeType: 'io.containerd.runc.v2', baseRuntimeSpec: '' },
          strict: { baseRuntimeSpec: '/etc/containerd/base.json' },
        },
      },
      unsetSeccompProfile: 'unconfined',
    };
    assert.deepEqual(parseRuntimeFacts(containerd, JSON.stringify(config)), {
      name: 'containerd',
      version: '2.1.9+unknown',
      configuration: {
        isFixed: true,
        defaultHandler: 'runc',
        handlers: new Map([
          ['runc', {}],
          ['strict', { baseRuntimeSpec: '/etc/containerd/base.json' }],
        ]),
      },
    });
  });

  it('is read from the configuration of CRI-O', () => {
    const crio = {
      DefaultRuntime: 'crun',
      Runtimes: {
        crun: { RuntimePath: '/usr/bin/crun', SeccompProfile: '' },
        own: { SeccompProfile: '/etc/own.json' },
      },
      DefaultCapabilities: ['CHOWN', 'kill'],
      SeccompProfile: '/etc/crio/seccomp.json',
    };
    assert.deepEqual(parseRuntimeFacts(criO, JSON.stringify({ sandboxImage: 'pause', crio })).configuration, {
      isFixed: false,
      defaultHandler: 'crun',
      handlers: new Map([
        ['crun', {}],
        ['own', { seccompProfile: '/etc/own.json' }],
      ]),
      seccompProfile: '/etc/crio/seccomp.json',
      defaultCapabilities: ['CAP_CHOWN', 'CAP_KILL'],
    });
  });

  it('takes settings that are null or missing for empty ones, as Go writes and reads them', () => {
    const none = parseRuntimeFacts(criO, '{"crio": {"DefaultCapabilities": null, "Runtimes": null}}').configuration;
    assert.deepEqual(none, { isFixed: false, defaultHandler: '', handlers: new Map(), defaultCapabilities: [] });
    const older = parseRuntimeFacts(criO, '{"crio": {}}').configuration;
    assert.deepEqual(
      older,
      { isFixed: false, defaultHandler: '', handlers: new Map() },
      'without a setting the default holds',
    );
    const { configuration } = parseRuntimeFacts(containerd, '{"containerd": {"runtimes": null}}');
    assert.deepEqual(configuration, { isFixed: true, defaultHandler: '', handlers: new Map() });
  });

  it('has no configuration where the runtime reports none, as CRI-O before 1.33', () => {
    for (const config of [undefined, '{"sandboxImage": "pause"}', '{}', '[]', 'null', '5']) {
      assert.deepEqual(parseRuntimeFacts(criO, config), { name: 'cri-o', version: '1.37.0' });
    }
  });

  it('is refused where the configuration is there and cannot be read: it may void a table', () => {
    for (const config of [
      '{"crio": {',
      '',
      '{"crio": 5}',
      '{"crio": null}',
      '{"crio": {"SeccompProfile": 5}}',
      '{"crio": {"Runtimes": {"crun": {"SeccompProfile": ["/a"]}}}}',
      '{"crio": {"DefaultCapabilities": "CHOWN"}}',
    ]) {
      assert.throws(() => parseRuntimeFacts(criO, config), { kind: 'Unavailable', message: /cri-o 1\.37\.0/ }, config);
    }
    const broken = '{"containerd": {"runtimes": {"runc": {"baseRuntimeSpec": {}}}}}';
    assert.throws(() => parseRuntimeFacts(containerd, broken), {
      message: /containerd\.runtimes\.runc\.baseRuntimeSpec/,
    });
  });
});
