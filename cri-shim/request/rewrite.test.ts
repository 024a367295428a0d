import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach, describe, it } from 'node:test';
import { create, type DescMessage, fromBinary, type MessageInitShape, toBinary, toJson } from '@bufbuild/protobuf';
import type { PullRequest } from '#lib/node/pull/pulled-profile';
import type { Use } from '#lib/node/store/use-note';
import type { CapabilityChange } from '#lib/profile/capabilities';
import { formatReference } from '#lib/registry/reference';
import { defaultBaseline } from '#lib/trust/policy/parse-policy-document';
import * as cri from '../../lib/cri/gen/cri_pb.js';
import type { BaselineSubject } from '../baseline/runtime-baseline.ts';
import { type CallDependencies, callHandlers } from '../call-handlers.ts';
import { addFeature } from '../calls/status.ts';
import type { UnaryHandler } from '../proxy/unary-call.ts';
import { noMetrics } from '../report/metrics.ts';
import type { ShimLog } from '../report/shim-log.ts';

const digest = `sha256:${'ab'.repeat(32)}`;
const reference = `registry.example.com/security/nginx@${digest}`;
const root = mkdtempSync(join(tmpdir(), 'fairlead-seccomp-'));
writeFileSync(join(root, 'b.json'), '{"defaultAction": "SCMP_ACT_TRAP"}');
after(() => rmSync(root, { recursive: true }));
const path = '/var/lib/fairlead/effective/x.json';
const policy = 'fairlead/0123';
const { signal } = new AbortController();
const runtime = { pin: () => assert.fail('a connection was pinned') };

/** Values for every field of the schema, to see that none is lost. */
function full(desc: DescMessage, depth = 0): Record<string, unknown> {
  const message: Record<string, unknown> = {};
  for (const field of desc.fields) {
    const scalar = (): unknown => {
      switch (field.scalar) {
        case 9:
          return `${field.name}-${depth}`;
        case 8:
          return true;
        case 12:
          return new Uint8Array([1, 2, 3]);
        case 3:
        case 4:
          return 77n;
        default:
          return 7;
      }
    };
    if (field.fieldKind === 'message') message[field.localName] = full(field.message, depth + 1);
    else if (field.fieldKind === 'list') {
      message[field.localName] =
        field.listKind === 'message'
          ? [full(field.message, depth + 1), full(field.message, depth + 1)]
          : [field.listKind === 'enum' ? 1 : scalarOf(field.scalar), scalarOf(field.scalar)];
    } else if (field.fieldKind === 'map') message[field.localName] = { key: 'value', another: 'one' };
    else if (field.fieldKind === 'enum') message[field.localName] = 1;
    else message[field.localName] = scalar();
  }
  return message;
}

/**
 * Encodes a message with a field that no schema has (number 9000) in every message of it, down to
 * the last.
 */
function encode<D extends DescMessage>(desc: D, init: MessageInitShape<D>): Uint8Array {
  const message = create(desc, init);
  addUnknown(message);
  return toBinary(desc, message);
}

function addUnknown(value: unknown): void {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return;
  for (const inner of Object.values(value)) addUnknown(inner);
  if ('$typeName' in value)
    Object.assign(value, { $unknown: [{ no: 9000, wireType: 2, data: new Uint8Array([3, 1, 2, 3]) }] });
}

function scalarOf(scalar: number | undefined): unknown {
  if (scalar === 12) return new Uint8Array([4, 5]);
  return scalar === 9 ? 'text' : scalar === 3 || scalar === 4 ? 5n : 5;
}
const json = <D extends DescMessage>(desc: D, bytes: Uint8Array) => toJson(desc, fromBinary(desc, bytes));

/**
 * Unknown fields do not show in JSON: counted in the bytes, where number 9000 with its content is a
 * rare sequence.
 */
function unknownCount(bytes: Uint8Array): number {
  const needle = Buffer.from([0xc2, 0xb2, 0x04, 3, 1, 2, 3]);
  let count = 0;
  for (let at = Buffer.from(bytes).indexOf(needle); at >= 0; at = Buffer.from(bytes).indexOf(needle, at + 1)) count++;
  return count;
}

type ContainerInit = MessageInitShape<typeof cri.CreateContainerRequestSchema>;

function fullCreate(change: (context: Record<string, unknown>) => void): Uint8Array {
  const init = full(cri.CreateContainerRequestSchema) as Record<string, never>;
  const context = (init as unknown as { config: { linux: { securityContext: Record<string, unknown> } } }).config.linux
    .securityContext;
  Object.assign(context, { privileged: false, seccompProfilePath: '', apparmor: { profileType: 0 } });
  change(context);
  return encode(cri.CreateContainerRequestSchema, init as ContainerInit);
}

const pulled: { reference: string; kind: string }[] = [];
const named: Record<string, unknown>[] = [];
const subjects: BaselineSubject[] = [];
const effective: Buffer[] = [];
const uses: [string, Use][] = [];
/** What is kept of how each profile was applied. */
const record = { time: '1970-01-01T00:00:00.000Z', reference, rule: 'r', signers: [], constrained: {} };
const watched: unknown[] = [];
const sandboxes: [string, string][] = [];
let isUseful = true;
const log = {
  info: (fields: Record<string, unknown>) => void named.push(fields),
  warn: () => undefined,
  debug: () => undefined,
};
const artifacts: Readonly<Record<string, object>> = {
  Seccomp: { kind: 'Seccomp', seccomp: { defaultAction: 'SCMP_ACT_LOG' } },
  AppArmor: { kind: 'AppArmor', apparmor: { mode: 'Enforce', network: { allowRaw: false } } },
};
const dependencies = {
  seccompRoot: root,
  memory: { recall: () => undefined, remember: () => undefined },
  now: () => new Date(0),
  architecture: 'amd64',
  metrics: noMetrics,
  log: log as unknown as ShimLog,
  tidier: { grown: () => undefined },
  policy: { current: {} },
  source: {
    isInForce: () => true,
    pull: async ({ reference, kind }: PullRequest) => {
      pulled.push({ reference: formatReference(reference), kind });
      return {
        profile: artifacts[kind],
        descriptor: { digest },
        verification: { rule: 'r', signatures: [] },
        policy: { baseline: defaultBaseline },
      };
    },
  },
  install: {
    seccomp: {
      put: async (bytes: Buffer) => {
        effective.push(bytes);
        return path;
      },
    },
    appArmor: { put: async () => policy, holds: async () => true },
  },
  store: { uses: { put: async (id: string, of: Use) => void uses.push([id, of]) } },
  runtimeBaseline: {
    profileFor: async (subject: BaselineSubject) => {
      subjects.push(subject);
      return { defaultAction: 'SCMP_ACT_ALLOW' };
    },
    hostFor: () => assert.fail(),
    sandboxCreated: (...created: [string, string]) => void sandboxes.push(created),
    watch: (sandboxId: string, capabilities: CapabilityChange | undefined) =>
      isUseful ? (id: string) => void watched.push([sandboxId, capabilities?.addCapabilities, id]) : undefined,
  },
} as unknown as CallDependencies;
const handlers = callHandlers(dependencies);
const createContainer = handlers.get('runtime.v1.RuntimeService/CreateContainer') as UnaryHandler;
const runPodSandbox = handlers.get('runtime.v1.RuntimeService/RunPodSandbox') as UnaryHandler;

describe('rewriting', () => {
  beforeEach(() => {
    for (const list of [pulled, named, subjects, effective, uses, watched, sandboxes]) list.length = 0;
  });

  it('changes nothing of a CreateContainer request but the profile, over the full set of fields', async () => {
    const oci = { profileType: 3, ociRef: reference, baseProfile: { type: 1 } };
    const before = fullCreate((context) => Object.assign(context, { seccomp: oci, seccompProfilePath: 'unconfined' }));
    const decision = await createContainer({ request: before, signal, runtime });
    assert.ok('forward' in decision);
    const expected = json(cri.CreateContainerRequestSchema, before) as never as {
      config: { linux: { securityContext: Record<string, unknown> } };
    };
    Object.assign(expected.config.linux.securityContext, {
      seccomp: { profileType: 'Localhost', localhostRef: path },
      seccompProfilePath: `localhost/${path}`,
    });
    assert.deepEqual(json(cri.CreateContainerRequestSchema, decision.forward), expected);
    assert.equal(unknownCount(decision.forward), unknownCount(before) - 1, 'only that of the base profile is gone');
    assert.ok(unknownCount(before) > 20);
    const response = toBinary(
      cri.CreateContainerResponseSchema,
      create(cri.CreateContainerResponseSchema, { containerId: 'c1' }),
    );
    assert.equal(await decision.onReply?.(response), response);
    const applied = [{ ...record, kind: 'Seccomp', base: 'RuntimeDefault', installed: path }];
    assert.deepEqual(uses.splice(0), [['c1', { artifacts: [digest], appArmor: undefined, applied }]]);
    assert.deepEqual(pulled, [{ reference, kind: 'Seccomp' }]);
    const [{ pod, container, path: installed } = {}] = named;
    assert.deepEqual([pod, container, installed], ['namespace-2/name-2', 'name-2', path]);
  });

  it('names an AppArmor profile in both fields, beside one for seccomp, and notes its use', async () => {
    const oci = { profileType: 3, ociRef: reference };
    for (const apparmorProfile of ['', `localhost/oci/${reference}`]) {
      const change = { seccomp: oci, apparmor: oci, apparmorProfile };
      const before = fullCreate((context) => Object.assign(context, change));
      const decision = await createContainer({ request: before, signal, runtime });
      assert.ok('forward' in decision);
      const expected = json(cri.CreateContainerRequestSchema, before) as never as {
        config: { linux: { securityContext: Record<string, unknown> } };
      };
      Object.assign(expected.config.linux.securityContext, {
        seccomp: { profileType: 'Localhost', localhostRef: path },
        apparmor: { profileType: 'Localhost', localhostRef: policy },
        apparmorProfile: `localhost/${policy}`,
      });
      assert.deepEqual(json(cri.CreateContainerRequestSchema, decision.forward), expected);
      assert.equal(unknownCount(decision.forward), unknownCount(before));
      assert.deepEqual(named, [], 'logged as applied before the runtime has answered');
      await decision.onReply?.(encode(cri.CreateContainerResponseSchema, { containerId: 'c5' }));
      const applied = [
        { ...record, kind: 'Seccomp', installed: path },
        { ...record, kind: 'AppArmor', installed: policy },
      ];
      assert.deepEqual(uses.splice(0), [['c5', { artifacts: [digest, digest], appArmor: policy, applied }]]);
      assert.deepEqual(
        named.splice(0).map((fields) => [fields['kind'], fields['path'] ?? fields['appArmorProfile']]),
        [
          ['Seccomp', path],
          ['AppArmor', policy],
        ],
      );
    }
  });

  it('keeps text that is not valid UTF-8, such as Secrets in environment, command and arguments', async () => {
    const secret = Buffer.from([0x70, 0xff, 0xfe, 0x77]);
    const field = (no: number, data: Uint8Array) => ({ no, wireType: 2, data: Buffer.from([data.length, ...data]) });
    const variable = Buffer.from([0x0a, 1, 0x41, 0x12, secret.length, ...secret]);
    const config = create(cri.ContainerConfigSchema, { command: [secret] });
    config.$unknown = [field(4, secret), field(6, variable)];
    for (const seccomp of [{ profileType: 3, ociRef: reference }, undefined]) {
      config.linux = create(cri.LinuxContainerConfigSchema, { securityContext: { ...(seccomp && { seccomp }) } });
      const before = toBinary(
        cri.CreateContainerRequestSchema,
        create(cri.CreateContainerRequestSchema, { config, sandboxConfig: {} }),
      );
      const decision = await createContainer({ request: before, signal, runtime });
      assert.ok('forward' in decision);
      const { config: sent } = fromBinary(cri.CreateContainerRequestSchema, decision.forward);
      assert.deepEqual(sent?.command, [Uint8Array.from(secret)]);
      assert.deepEqual(
        sent.$unknown?.map(({ no, data }) => [no, Buffer.from(data)]),
        config.$unknown.map(({ no, data }) => [no, data]),
      );
      assert.equal(decision.forward === before, seccomp === undefined);
    }
  });

  it('passes the very bytes that came where nothing is asked for', async () => {
    for (const seccomp of [
      undefined,
      { profileType: 0 },
      { profileType: 1 },
      { profileType: 2, localhostRef: `${root}/operator/oci/x.json` },
    ]) {
      const before = fullCreate((context) => Object.assign(context, { seccomp }));
      const decision = await createContainer({ request: before, signal, runtime });
      assert.ok('forward' in decision && decision.forward === before);
      assert.equal(decision.onReply !== undefined, seccomp?.profileType === 0, 'only RuntimeDefault is watched');
    }
    for (const empty of [new Uint8Array(), Buffer.from([0x0a, 1, 65])]) {
      const decision = await createContainer({ request: empty, signal, runtime });
      assert.ok('forward' in decision && decision.forward === empty);
    }
    assert.deepEqual(pulled, []);
  });

  it('watches what runs under RuntimeDefault as it came, and passes the answer on whatever it is', async () => {
    const request = (change: object) =>
      fullCreate((context) => Object.assign(context, { seccomp: { profileType: 0 }, ...change }));
    const before = request({});
    const { podSandboxId, config } = fromBinary(cri.CreateContainerRequestSchema, before);
    const decision = await createContainer({ request: before, signal, runtime });
    assert.ok('forward' in decision && decision.forward === before);
    const response = encode(cri.CreateContainerResponseSchema, { containerId: 'c2' });
    assert.equal(await decision.onReply?.(response), response);
    const added = config?.linux?.securityContext?.capabilities?.addCapabilities;
    assert.deepEqual(watched.splice(0), [[podSandboxId, added, 'c2']]);
    const broken = Buffer.from([0x0a, 9]);
    assert.equal(await decision.onReply?.(broken), broken);
    assert.deepEqual(watched, []);
    const unwatched = [{ privileged: true }, { seccomp: undefined }, { seccomp: { profileType: 1 } }];
    for (const change of unwatched) {
      const other = await createContainer({ request: request(change), signal, runtime });
      assert.ok('forward' in other && other.onReply === undefined, JSON.stringify(change));
    }
    isUseful = false;
    const useless = await createContainer({ request: before, signal, runtime });
    assert.ok('forward' in useless && useless.onReply === undefined);
    isUseful = true;
  });

  it('never watches a container whose profile it changed, and says what the default profile depends on', async () => {
    const artifact = { profileType: 3, ociRef: reference };
    const before = fullCreate((context) => Object.assign(context, { seccomp: artifact }));
    const { podSandboxId, config } = fromBinary(cri.CreateContainerRequestSchema, before);
    const decision = await createContainer({ request: before, signal, runtime });
    assert.ok('forward' in decision);
    await decision.onReply?.(encode(cri.CreateContainerResponseSchema, { containerId: 'c3' }));
    assert.deepEqual(watched, []);
    const sandbox = encode(cri.RunPodSandboxRequestSchema, {
      config: { linux: { securityContext: { seccomp: artifact } } },
      runtimeHandler: 'gvisor',
    });
    await runPodSandbox({ request: sandbox, signal, runtime });
    const changes = config?.linux?.securityContext?.capabilities;
    assert.deepEqual(
      subjects.map(({ runtime, capabilities }) => [runtime, capabilities?.dropCapabilities]),
      [
        [{ sandboxId: podSandboxId }, changes?.dropCapabilities],
        [{ handler: 'gvisor' }, undefined],
      ],
    );
  });

  it('refuses a message that it cannot read', async () => {
    const reading = fullCreate((context) => Object.assign(context, { seccomp: { profileType: 3, ociRef: reference } }));
    await assert.rejects(createContainer({ request: reading.subarray(0, reading.length - 3), signal, runtime }), {
      kind: 'InvalidInput',
    });
    await assert.rejects(runPodSandbox({ request: Buffer.from([0x0a, 200, 1]), signal, runtime }), {
      kind: 'InvalidInput',
    });
  });

  it('makes the security context that an annotation needs', async () => {
    const init = {
      config: { metadata: { name: 'web' } },
      sandboxConfig: { annotations: { 'seccomp-profile.crio.io/web': reference } },
    };
    const before = encode(cri.CreateContainerRequestSchema, init);
    const decision = await createContainer({ request: before, signal, runtime });
    assert.ok('forward' in decision);
    const { config } = fromBinary(cri.CreateContainerRequestSchema, decision.forward);
    assert.equal(config?.linux?.securityContext?.seccomp?.localhostRef, path);
    assert.equal(config?.linux?.securityContext?.seccompProfilePath, '');
  });

  it('does the same for RunPodSandbox', async () => {
    const init = full(cri.RunPodSandboxRequestSchema) as MessageInitShape<typeof cri.RunPodSandboxRequestSchema>;
    const context = (init as { config: { linux: { securityContext: Record<string, unknown> } } }).config.linux
      .securityContext;
    const localhost = { profileType: 2, localhostRef: `${root}/oci/${reference}?base=b.json` };
    Object.assign(context, { seccomp: localhost, seccompProfilePath: '', apparmor: { profileType: 0 } });
    const before = encode(cri.RunPodSandboxRequestSchema, init);
    const decision = await runPodSandbox({ request: before, signal, runtime });
    assert.ok('forward' in decision);
    const expected = json(cri.RunPodSandboxRequestSchema, before) as never as {
      config: { linux: { securityContext: Record<string, unknown> } };
    };
    Object.assign(expected.config.linux.securityContext, { seccomp: { profileType: 'Localhost', localhostRef: path } });
    assert.deepEqual(json(cri.RunPodSandboxRequestSchema, decision.forward), expected);
    assert.equal(unknownCount(decision.forward), unknownCount(before));
    assert.match(
      Buffer.from(effective[0] ?? []).toString(),
      /"defaultAction": ?"SCMP_ACT_TRAP"/,
      'intersected with the base profile',
    );
    assert.deepEqual([named, sandboxes, uses], [[], [], []]);
    const response = encode(cri.RunPodSandboxResponseSchema, { podSandboxId: 's1' });
    assert.equal(await decision.onReply?.(response), response);
    const { runtimeHandler } = fromBinary(cri.RunPodSandboxRequestSchema, before);
    assert.deepEqual([named.length, uses[0]?.[0], sandboxes], [1, 's1', [['s1', runtimeHandler]]]);
    const broken = Buffer.from([0x0a, 9]);
    assert.equal(await decision.onReply?.(broken), broken);
  });

  it('adds the feature to Status and keeps the rest', () => {
    const init = full(cri.StatusResponseSchema) as MessageInitShape<typeof cri.StatusResponseSchema>;
    (init as { features: Record<string, unknown> }).features['securityProfileOciArtifact'] = false;
    const before = encode(cri.StatusResponseSchema, init);
    const after = addFeature(before);
    const expected = json(cri.StatusResponseSchema, before) as never as { features: Record<string, unknown> };
    expected.features['securityProfileOciArtifact'] = true;
    assert.deepEqual(json(cri.StatusResponseSchema, after), expected);
    assert.equal(unknownCount(after), unknownCount(before));
    assert.equal(
      fromBinary(cri.StatusResponseSchema, addFeature(new Uint8Array())).features?.securityProfileOciArtifact,
      true,
    );
  });
});
