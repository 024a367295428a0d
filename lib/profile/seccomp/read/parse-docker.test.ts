import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { readJson } from '../../json/read-json.ts';
import { dependsOnContainer } from './docker.ts';
import { parseDocker } from './parse-docker.ts';
import type { ProfileHost } from './resolve-docker.ts';
import { resolveDocker } from './resolve-docker.ts';

const limits = { bytes: 100_000, depth: 8, values: 5_000 };
const parse = (text: string) => parseDocker(readJson(new TextEncoder().encode(text), 'd.json', limits));
const profile = (root: string, ...entries: string[]) =>
  `{"defaultAction":"SCMP_ACT_ERRNO"${root},"syscalls":[${entries.map((entry) => `{"action":"SCMP_ACT_ALLOW",${entry}}`).join()}]}`;
const host: ProfileHost = { architecture: 'amd64', kernel: '6.1.0-18-amd64', capabilities: ['CAP_CHOWN'] };

describe('parseDocker', () => {
  it('keeps every entry, with the condition of each', () => {
    const { docker, unknownFields } = parse(
      profile(
        '',
        '"names":["a"]',
        '"names":["b"],"includes":{"caps":["CAP_BPF"],"arches":null},"excludes":{"minKernel":"4.8"}',
        '"names":["c"],"includes":{},"excludes":{"caps":[],"minKernel":""},"comment":"why"',
      ),
    );
    assert.deepEqual(unknownFields, []);
    assert.deepEqual(docker, {
      profile: {
        defaultAction: 'SCMP_ACT_ERRNO',
        syscalls: ['a', 'b', 'c'].map((name) => ({ names: [name], action: 'SCMP_ACT_ALLOW' })),
      },
      conditions: [
        undefined,
        {
          includes: { capabilities: ['CAP_BPF'], machines: [] },
          excludes: { capabilities: [], machines: [], minKernel: '4.8' },
        },
        undefined,
      ],
    });
  });

  it('tells whether the profile is the same for every container', () => {
    const depends = (text: string) => dependsOnContainer(parse(text).docker);
    assert.equal(depends(profile('', '"names":["a"],"comment":"x","includes":{},"excludes":null')), false);
    assert.equal(depends(profile(',"archMap":null', '"name":"a"')), false);
    assert.equal(depends(profile(',"archMap":[]', '"names":["a"]')), false);
    assert.equal(depends(profile(',"archMap":[{"architecture":"SCMP_ARCH_ARM"}]', '"names":["a"]')), true);
    assert.equal(depends(profile('', '"names":["a"],"excludes":{"arches":["s390x"]}')), true);
  });

  it('reads one name as a list, and errors by name or number', () => {
    const { docker } = parse(
      profile(
        ',"defaultErrno":"ENOSYS","defaultErrnoRet":38',
        '"name":"a","names":null,"errno":"EINVAL"',
        '"names":["b"],"name":"","errno":"13"',
      ),
    );
    assert.equal(docker.profile.defaultErrnoRet, 38);
    assert.deepEqual(
      docker.profile.syscalls?.map(({ names, errnoRet }) => `${names} ${errnoRet}`),
      ['a 22', 'b 13'],
    );
  });

  it('takes the first entry of a machine', () => {
    const machine = (...guests: string[]) =>
      `{"architecture":"SCMP_ARCH_X86_64","subArchitectures":${JSON.stringify(guests)}}`;
    const { docker } = parse(profile(`,"archMap":[${machine('SCMP_ARCH_X86')},${machine()}]`, '"names":["a"]'));
    assert.deepEqual(resolveDocker(docker, host).architectures, ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86']);
    // One list for every machine; programs of amd64 do not run on arm64.
    const onArm = resolveDocker(docker, { ...host, architecture: 'arm64' });
    assert.deepEqual(onArm.architectures, ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86']);
  });

  const faults: readonly (readonly [string, RegExp])[] = [
    [
      '"names":["a"],"includes":{"cap":["CAP_BPF"]}',
      /\/syscalls\/0\/includes: unknown member "cap"; did you mean caps\?/,
    ],
    [
      '"names":["a"],"excludes":{"capabilities":[]}',
      /unknown member "capabilities"; known are caps, arches, minKernel/,
    ],
    ['"names":["a"],"includes":{"caps":["CAP_A"],"Caps":[]}', /"Caps" repeats "caps"/],
    ['"names":["a"],"includes":{},"Includes":{}', /"Includes" repeats "includes"/],
    ['"name":"a","Names":["b"]', /name and names cannot be used together/],
    ['"name":["a"]', /^d\.json:1:\d+: name must be a string/],
    ['"Name":5,"names":["a"]', /name must be a string/],
    ['"name":"a","names":["b"]', /name and names cannot be used together/],
    ['"names":["a"],"errno":"EPERM","errnoRet":2', /errno and errnoRet contradict each other/],
    ['"names":["a"],"errno":"ENOBODY"', /errno: specify errnoRet for "ENOBODY"/],
    ['"names":["a"],"includes":[]', /includes must be an object/],
    ['"names":["a"],"includes":{"caps":"CAP_A"}', /includes\.caps must be an array/],
    ['"names":["a"],"excludes":{"arches":[1]}', /excludes\.arches must hold strings/],
    ['"names":["a"],"excludes":{"minKernel":4.8}', /excludes\.minKernel must be a string/],
    // Also where the container at hand would not get the entry.
    ['"names":[],"includes":{"caps":["CAP_NOBODY_HAS"]}', /must name at least one syscall/],
  ];
  for (const [entry, message] of faults) {
    it(`refuses ${entry}`, () => assert.throws(() => parse(profile('', entry)), { kind: 'ProfileInvalid', message }));
  }

  it('refuses what archMap may not be', () => {
    const machines: readonly (readonly [string, RegExp])[] = [
      ['{}', /archMap must be an array/],
      ['[1]', /archMap must hold objects/],
      ['[{}]', /"architecture" must be a string/],
      [
        '[{"architecture":"SCMP_ARCH_X8664"}]',
        /unknown architecture "SCMP_ARCH_X8664"; did you mean SCMP_ARCH_X86_64\?/,
      ],
      ['[{"architecture":"SCMP_ARCH_ARM","subArchitectures":{}}]', /"subArchitectures" must be an array/],
      ['[{"architecture":"SCMP_ARCH_ARM","subArchitecture":[]}]', /did you mean subArchitectures\?/],
      [
        '[{"architecture":"SCMP_ARCH_ARM"}],"architectures":["SCMP_ARCH_ARM"]',
        /archMap and architectures cannot be used together/,
      ],
      ['[],"Architectures":["SCMP_ARCH_ARM"]', /archMap and architectures cannot be used together/],
    ];
    for (const [archMap, message] of machines) {
      assert.throws(() => parse(profile(`,"archMap":${archMap}`, '"names":["a"]')), { message }, archMap);
    }
  });

  it('reads members in another letter case, and tells which', () => {
    const { docker, unknownFields } = parse(
      profile(
        ',"ArchMap":[]',
        '"Name":"a","INCLUDES":{"Caps":["CAP_CHOWN"]},"Action":"SCMP_ACT_LOG"'.replace('"Action"', '"Comment"'),
      ),
    );
    assert.deepEqual(
      unknownFields.map(({ pointer, readAs }) => `${pointer} ${readAs}`),
      [
        '/ArchMap archMap',
        '/syscalls/0/Name name',
        '/syscalls/0/INCLUDES includes',
        '/syscalls/0/Comment comment',
        '/syscalls/0/includes/Caps caps',
      ],
    );
    assert.deepEqual(docker.conditions[0]?.includes.capabilities, ['CAP_CHOWN']);
  });
});

describe('resolveDocker', () => {
  const capabilities = ['CAP_A', 'CAP_B', 'CAP_C'];
  const machines = ['amd64', 'arm64', 's390x', 'x86', '386'];
  const kernels = ['4.8', '5.10', '6.1', '10.0'];
  const filter = fc.record(
    { caps: fc.subarray(capabilities), arches: fc.subarray(machines), minKernel: fc.constantFrom(...kernels) },
    { requiredKeys: [] },
  );
  type Filter = { caps?: string[]; arches?: string[]; minKernel?: string };

  /** What moby's setupSeccomp does with one entry, step by step. */
  function holds(entry: { includes?: Filter; excludes?: Filter }, on: ProfileHost): boolean {
    const { includes = {}, excludes = {} } = entry;
    const isNew = (least: string): boolean => {
      const [major = 0, minor = 0] = on.kernel.split('.').map(Number);
      const [leastMajor = 0, leastMinor = 0] = least.split('.').map(Number);
      return major * 1_000 + minor >= leastMajor * 1_000 + leastMinor;
    };
    const machine = on.architecture === '386' ? ['386', 'x86'] : [on.architecture];
    if (excludes.arches?.some((name) => machine.includes(name))) return false;
    for (const name of excludes.caps ?? []) if (on.capabilities.includes(name)) return false;
    if (excludes.minKernel !== undefined && isNew(excludes.minKernel)) return false;
    if ((includes.arches ?? []).length > 0 && !includes.arches?.some((name) => machine.includes(name))) return false;
    for (const name of includes.caps ?? []) if (!on.capabilities.includes(name)) return false;
    return includes.minKernel === undefined || isNew(includes.minKernel);
  }

  it('keeps the entries that Docker keeps, in their order', () => {
    const entries = fc.array(fc.record({ includes: filter, excludes: filter }, { requiredKeys: [] }), { maxLength: 6 });
    const hosts = fc.record({
      architecture: fc.constantFrom('amd64', 'arm64', 's390x', '386'),
      kernel: fc.constantFrom('4.7', '4.8', '4.19', '5.10', '6.0', '6.1', '11.2'),
      capabilities: fc.subarray(capabilities),
    });
    fc.assert(
      fc.property(entries, hosts, (given, on) => {
        const syscalls = given.map((entry, index) => ({ names: [`n${index}`], action: 'SCMP_ACT_ALLOW', ...entry }));
        const { docker } = parse(JSON.stringify({ defaultAction: 'SCMP_ACT_ERRNO', syscalls }));
        const kept = resolveDocker(docker, on as ProfileHost).syscalls?.flatMap(({ names }) => names);
        const wanted = given.flatMap((entry, index) => (holds(entry, on as ProfileHost) ? [`n${index}`] : []));
        assert.deepEqual(kept, wanted);
      }),
      { numRuns: 2_000 },
    );
  });
});
