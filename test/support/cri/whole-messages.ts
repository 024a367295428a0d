import assert from 'node:assert/strict';
import { create, type DescMessage, toBinary } from '@bufbuild/protobuf';
import { type CallDependencies, callHandlers } from '#cri-shim/call-handlers';
import { addFeature } from '#cri-shim/calls/status';
import type { UnaryHandler } from '#cri-shim/proxy/unary-call';
import { noMetrics } from '#cri-shim/report/metrics';
import { FairleadError } from '#lib/errors';
import { formatReference } from '#lib/registry/reference';
import { defaultBaseline } from '#lib/trust/policy/parse-policy-document';
import {
  CreateContainerRequestSchema,
  RunPodSandboxRequestSchema,
  StatusResponseSchema,
} from '../../../lib/cri/gen/cri_pb.js';
import type { Random } from '../../fuzz/mutate.ts';
import { decoders, emptyReading, type Reading, Refusal, readAs, type Value, write } from '../../oracle/go-protobuf.ts';
import { scatter } from '../../oracle/scattered-message.ts';

const digest = `sha256:${'ab'.repeat(32)}`;
const reference = `registry.example.com/security/nginx@${digest}`;
const root = '/var/lib/kubelet/seccomp';
const installed = { Seccomp: '/var/lib/fairlead/effective/x.json', AppArmor: 'fairlead/0123' } as const;

const path = `${root}/oci/${reference}`;
const decoys = ['', 'text', path, `localhost/${path}`, reference, `oci/${reference}`, 'unconfined'];

/** A call whose request the shim may change, with the places of what it changes. */
interface RewrittenCall {
  readonly desc: DescMessage;
  readonly method: string;
  /** Makes a request. */
  readonly request: (random: Random) => Record<string, unknown>;
  /** The numbers of the fields that lead to the security context. */
  readonly context: readonly number[];
  /** The numbers in it: of the profile, and of the deprecated string, if there is one. */
  readonly Seccomp: readonly [profile: number, text?: number];
  readonly AppArmor: readonly [profile: number, text?: number];
}

const calls: readonly RewrittenCall[] = [
  {
    desc: CreateContainerRequestSchema,
    method: 'runtime.v1.RuntimeService/CreateContainer',
    request: (random) => ({
      podSandboxId: 's',
      config: {
        metadata: { name: 'main', attempt: random(3) },
        image: { image: 'busybox' },
        command: [Buffer.from('sh'), Buffer.from([0xff])],
        labels: { a: 'b', constructor: 'c' },
        linux: { resources: {}, securityContext: securityContext(random, true) },
      },
      sandboxConfig: sandbox(random),
    }),
    context: [2, 15, 2],
    ...{ Seccomp: [15, 10], AppArmor: [16, 9] },
  },
  {
    desc: RunPodSandboxRequestSchema,
    method: 'runtime.v1.RuntimeService/RunPodSandbox',
    request: (random) => ({
      config: { ...sandbox(random), linux: { securityContext: securityContext(random, false) } },
      runtimeHandler: ['', 'gvisor'][random(2)],
    }),
    context: [1, 8, 2],
    ...{ Seccomp: [9, 7], AppArmor: [10] },
  },
];

function sandbox(random: Random): object {
  const keys = ['a', '__proto__', 'seccomp-profile.crio.io/main', 'seccomp-profile.crio.io/POD'];
  const annotations = keys.filter(() => random(4) === 3).map((key) => [key, random(4) === 3 ? 'text' : reference]);
  return {
    metadata: { name: 'pod', namespace: 'default' },
    hostname: '\ufeffü',
    labels: { 'io.kubernetes.pod.name': 'pod' },
    annotations: Object.fromEntries(annotations),
  };
}

/** Makes a security context: about half request an artifact, and some contradict themselves. */
function securityContext(random: Random, isContainer: boolean): object {
  const artifacts = [
    { profileType: 3, ociRef: reference },
    { profileType: 3, ociRef: reference, baseProfile: { type: 1 } },
    { profileType: 2, localhostRef: path },
  ];
  const others = [
    ...[{ profileType: 1 }, { profileType: 2, localhostRef: `${root}/nginx.json` }, { profileType: 4 }],
    ...[
      { profileType: 3, ociRef: 'nginx' },
      { profileType: 1, localhostRef: path },
    ],
  ];
  const apparmor = [
    ...[{ profileType: 0 }, { profileType: 3, ociRef: reference }],
    ...[
      { profileType: 2, localhostRef: `oci/${reference}` },
      { profileType: 2, localhostRef: 'nginx' },
    ],
  ];
  const seccomps = [[{ profileType: 0 }], artifacts, others][random(3)] ?? [];
  return {
    privileged: random(8) === 7,
    namespaceOptions: { network: random(3), pid: random(3) },
    ...(isContainer && { capabilities: { addCapabilities: ['NET_ADMIN', 'CHOWN'], dropCapabilities: ['ALL'] } }),
    ...(random(4) !== 3 && { seccomp: seccomps[random(seccomps.length)] }),
    ...(random(6) === 5 && { seccompProfilePath: random(2) === 1 ? 'unconfined' : `localhost/${path}` }),
    ...(random(isContainer ? 3 : 8) === 2 && { apparmor: apparmor[random(apparmor.length)] }),
    ...(isContainer && random(4) === 3 && { apparmorProfile: `localhost/oci/${reference}` }),
  };
}

/** The outcome of a call, and what the shim decided from. */
type Outcome =
  | { readonly refused: string }
  | { readonly forward: Uint8Array; readonly pulled: readonly string[]; readonly decided: readonly unknown[] };

/** How often each outcome came. */
export interface Outcomes {
  refused: number;
  unchanged: number;
  changed: number;
}

/**
 * Tries a request that the shim may change: one that makes sense, encoded in a random way.
 * Whichever decoder the runtime has:
 * - The shim decides as if it had received the message as the runtime's decoder reads it, written
 *   anew: it forwards no message that it would refuse then, or change in another way.
 * - A message without an artifact is forwarded as the bytes that came. In a message with one, the
 *   runtime reads the same in every field, except for the profile.
 * - What the runtime would refuse is refused by one of both.
 * - A well-formed message is not refused for its form.
 *
 * @throws AssertionError with the message that broke a promise.
 */
export async function tryRequest(random: Random, malformed: boolean, outcomes: Outcomes): Promise<void> {
  const call = calls[random(calls.length)] as RewrittenCall;
  const plain = toBinary(call.desc, create(call.desc, call.request(random)));
  const meant = readAs('golang', call.desc, Buffer.from(plain));
  const bytes = scatter(call.desc, meant, { random, malformed, decoys });
  try {
    await check(call, bytes, { malformed, outcomes });
  } catch (error) {
    throw new assert.AssertionError({ message: `${call.method}: ${bytes.toString('base64')}: ${String(error)}` });
  }
}

/** Tries an answer to Status, to which the shim adds a feature, in the same way. */
export function tryStatus(random: Random): void {
  const conditions = [{ type: 'RuntimeReady', status: true }, { type: 'NetworkReady' }];
  const status = { status: { conditions }, info: { config: '{}', b: '' }, features: {} };
  const plain = toBinary(StatusResponseSchema, create(StatusResponseSchema, random(4) === 3 ? {} : status));
  const meant = readAs('golang', StatusResponseSchema, Buffer.from(plain));
  const bytes = scatter(StatusResponseSchema, meant, { random, malformed: false, decoys });
  for (const decoder of decoders) {
    const expected = readAs(decoder, StatusResponseSchema, bytes);
    child(expected, 4).known.set(4, 1n);
    const changed = readAs(decoder, StatusResponseSchema, Buffer.from(addFeature(bytes)));
    assert.deepEqual(changed, expected, `${decoder}: ${bytes.toString('base64')}`);
  }
}

async function check(
  call: RewrittenCall,
  bytes: Buffer,
  { malformed, outcomes }: { readonly malformed: boolean; readonly outcomes: Outcomes },
): Promise<void> {
  const outcome = await outcomeOf(call.method, bytes);
  if ('refused' in outcome) outcomes.refused += 1;
  else outcomes[outcome.pulled.length === 0 ? 'unchanged' : 'changed'] += 1;
  for (const decoder of decoders) {
    const read = (message: Uint8Array): Reading | undefined => {
      try {
        return readAs(decoder, call.desc, Buffer.from(message));
      } catch (error) {
        assert.ok(error instanceof Refusal, String(error));
        return undefined;
      }
    };
    const meant = read(bytes);
    if (meant === undefined) {
      assert.ok(malformed, `${decoder} refuses a message that is well-formed`);
      if ('forward' in outcome) assert.equal(read(outcome.forward), undefined, `${decoder} would have refused it`);
      continue;
    }
    const plain = await outcomeOf(call.method, write(call.desc, meant));
    if ('refused' in outcome) {
      if (!malformed) assert.deepEqual(plain, outcome, decoder);
      continue;
    }
    assert.ok('forward' in plain, `forwards what it refuses as ${decoder} reads it: ${JSON.stringify(plain)}`);
    assert.deepEqual([outcome.pulled, outcome.decided], [plain.pulled, plain.decided], decoder);
    if (outcome.pulled.length === 0) assert.equal(outcome.forward, bytes);
    else assert.deepEqual(read(outcome.forward), withProfiles(meant, call, outcome.pulled), decoder);
  }
}

/** Calls the shim's handler, whose artifacts are all there. */
async function outcomeOf(method: string, request: Uint8Array): Promise<Outcome> {
  const pulled: string[] = [];
  const decided: unknown[] = [];
  const handler = callHandlers(dependenciesOf(pulled, decided)).get(method) as UnaryHandler;
  try {
    const runtime = { pin: () => assert.fail('a connection was pinned') };
    const result = await handler({ request, signal: new AbortController().signal, runtime });
    assert.ok('forward' in result);
    return { forward: result.forward, pulled, decided };
  } catch (error) {
    assert.ok(error instanceof FairleadError, String(error));
    assert.equal(error.kind, 'InvalidInput', error.message);
    return { refused: error.message };
  }
}

function dependenciesOf(pulled: string[], decided: unknown[]): CallDependencies {
  const artifacts: Readonly<Record<string, object>> = {
    Seccomp: { kind: 'Seccomp', seccomp: { defaultAction: 'SCMP_ACT_LOG' } },
    AppArmor: { kind: 'AppArmor', apparmor: { mode: 'Enforce', network: { allowRaw: false } } },
  };
  const note = (fields: object): void => void decided.push(fields);
  return {
    seccompRoot: root,
    memory: { recall: () => undefined, remember: () => undefined },
    policy: { current: {} },
    now: () => new Date(0),
    architecture: 'amd64',
    metrics: noMetrics,
    log: { info: note, warn: note, debug: () => undefined },
    tidier: { grown: () => undefined },
    source: {
      isInForce: () => true,
      pull: async (request: { kind: string; reference: Parameters<typeof formatReference>[0] }) => {
        pulled.push(request.kind);
        decided.push(formatReference(request.reference));
        return {
          profile: artifacts[request.kind],
          descriptor: { digest },
          verification: { rule: 'r', signatures: [] },
          policy: { baseline: defaultBaseline },
        };
      },
    },
    install: {
      seccomp: { put: async () => installed.Seccomp },
      appArmor: { put: async () => installed.AppArmor, holds: async () => true },
    },
    store: { uses: { put: async () => undefined } },
    runtimeBaseline: {
      profileFor: async (subject: object) => {
        decided.push(JSON.stringify(subject));
        return { defaultAction: 'SCMP_ACT_ALLOW' };
      },
      hostFor: () => assert.fail(),
      sandboxCreated: () => undefined,
      watch: (...watched: unknown[]) => void decided.push(JSON.stringify(watched)),
    },
  } as unknown as CallDependencies;
}

/** Sets the installed profiles in what a runtime reads. */
function withProfiles(meant: Reading, call: RewrittenCall, pulled: readonly string[]): Reading {
  const context = call.context.reduce(child, meant);
  for (const kind of pulled as ('Seccomp' | 'AppArmor')[]) {
    const [profileNumber, textNumber] = call[kind];
    const profile = child(context, profileNumber);
    profile.known.clear();
    profile.known.set(1, 2n).set(2, Buffer.from(installed[kind]));
    if (textNumber !== undefined && (kind === 'AppArmor' || context.known.has(textNumber))) {
      context.known.set(textNumber, Buffer.from(`localhost/${installed[kind]}`));
    }
  }
  return meant;
}

/** Returns the message in a field, which is set if it is not. */
function child({ known }: Reading, number: number): Reading {
  const found: Value = known.get(number) ?? emptyReading();
  known.set(number, found);
  return found as Reading;
}
