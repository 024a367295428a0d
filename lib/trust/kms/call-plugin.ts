import * as v from 'valibot';
import { FairleadError } from '#lib/errors';
import { type Env, longestRun, notFound, type ProgramInput, runProgram } from '#lib/programs/run-program';
import { step } from '#lib/steps';
import { quote } from '#lib/text/quote';
import type { KmsReference } from './key-reference.ts';

/** The version of the protocol (github.com/sigstore/sigstore, pkg/signature/kms/cliplugin). */
const protocolVersion = 'v1';

/** SHA-256 as Go numbers hashes: all signatures use it, unless the key hashes by itself. */
const sha256 = 5;

/** Options of a request that Fairlead does not use, as cosign sends them. */
const rpcOptions = { keyVersion: '', remoteVerification: false };

const base64 = v.pipe(
  v.string(),
  v.base64(),
  v.transform((text): Uint8Array => Buffer.from(text, 'base64')),
);

/** The methods of the protocol that are called: their arguments, and the answer. */
const methods = {
  defaultAlgorithm: { args: {}, answer: v.object({ defaultAlgorithm: v.string() }) },
  createKey: { args: {}, answer: v.object({ publicKeyPEM: base64 }) },
  publicKey: { args: { publicKeyOptions: { rpcOptions } }, answer: v.object({ publicKeyPEM: base64 }) },
  signMessage: {
    args: { signOptions: { rpcOptions, messageOptions: {} } },
    answer: v.object({ signature: base64 }),
  },
};

type Method = keyof typeof methods;
type Answer<Name extends Method> = v.InferOutput<(typeof methods)[Name]['answer']>;

/**
 * Calls a method of a plugin program, which is looked up in PATH, and returns its answer. Throws
 * InvalidInput if there is no such program, and Unavailable if it fails, does not end in a minute,
 * or answers with something else. Its output is not shown, except for the error that it states.
 *
 * @param message what the program reads from stdin.
 */
export async function callPlugin<Name extends Method>(
  reference: KmsReference,
  method: Name,
  env: Env,
  { message = '', args = {} }: { readonly message?: ProgramInput; readonly args?: object } = {},
): Promise<Answer<Name>> {
  const ctxDeadline = new Date(Date.now() + longestRun).toISOString();
  const request = {
    initOptions: {
      ctxDeadline,
      protocolVersion,
      keyResourceID: reference.resource,
      hashFunc: sha256,
      rpcOptions: { ctxDeadline, ...rpcOptions },
    },
    methodName: method,
    [method]: { ...methods[method].args, ...args },
  };
  step(() => `ask ${reference.program} for ${method}`);
  const outcome = await runProgram(
    reference.program,
    [protocolVersion, JSON.stringify(request)],
    message,
    env,
    'inherit',
  );
  if ('failed' in outcome) throw outcome.failed === notFound ? missing(reference) : failure(reference, outcome.failed);
  const found = readAnswer(outcome.output);
  if (found === undefined) {
    throw failure(reference, outcome.code === 0 ? 'printed no JSON object' : `failed with exit code ${outcome.code}`);
  }
  // As with cosign, the exit code does not matter if there is an answer.
  const { errorMessage } = found;
  if (typeof errorMessage === 'string' && errorMessage !== '') {
    throw failure(reference, `reports an error: ${quote(errorMessage, 500)}`);
  }
  const answer = v.safeParse(methods[method].answer, found[method]);
  if (answer.success) return answer.output as Answer<Name>;
  throw failure(reference, `printed no valid answer to ${method}`);
}

function readAnswer(output: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const json: unknown = JSON.parse(output);
    return v.is(v.record(v.string(), v.unknown()), json) ? json : undefined;
  } catch {
    return undefined;
  }
}

/** Where cosign reads keys from that are in no key service. */
const otherPlaces = /^(?:env|gitlab|https?|k8s):/;

function missing({ program, text }: KmsReference): FairleadError {
  return new FairleadError('InvalidInput', `no program ${program} in PATH, which the key ${quote(text)} needs`, {
    hint: otherPlaces.test(text)
      ? 'Fairlead reads no key from there. Write it to a file, and name the file.'
      : `Install the plugin program ${program} of the key service into a directory in PATH. The key services that cosign has built in need one here, too.`,
  });
}

function failure({ program, text }: KmsReference, what: string): FairleadError {
  return new FairleadError('Unavailable', `the plugin program ${program} ${what} (key ${quote(text)})`, {
    hint: `Check the key, the credentials for its service, and what ${program} prints on stderr.`,
  });
}
