import type { FileName } from '#lib/config/config-document';
import { quote } from '#lib/text/quote';
import { loadPublicKey } from '#lib/trust/keys/key';
import type { PolicyDocument } from '#lib/trust/policy/parse-policy-document';
import { readTrustedRoot } from '#lib/trust/roots/read-trusted-root';
import { trustPolicySchema } from '../api/trustpolicy/v1alpha1.ts';
import { violationFrom } from '../validate/read-object.ts';
import { isObject, structureOf } from '../validate/structure.ts';
import { refusing, type Verdict, type Violation } from '../validate/verdict.ts';
import { policyName, type ReadSpec, readPolicySpec } from './object-policy.ts';

/**
 * Validates a TrustPolicy object: by the functions that read the policy when it comes into force.
 * Repositories of trusted roots (TUF) are not asked.
 */
export async function validateTrustPolicy(object: unknown): Promise<Verdict> {
  const name = nameOf(object);
  if (name !== policyName) {
    const problem = `${quote(name, 64)} has no effect: the operator reads only the TrustPolicy that is named ${policyName}`;
    const fix = `Name it ${policyName}, or add its rules to that one.`;
    return refusing([{ field: 'metadata.name', problem, fix }]);
  }
  const structure = structureOf(trustPolicySchema, object);
  if ('violations' in structure) return refusing(structure.violations);
  let read: ReadSpec;
  try {
    read = readPolicySpec(structure.value.spec);
  } catch (thrown) {
    return refusing([violationFrom(thrown)]);
  }
  const found = filesOf(read.document).map(({ file, check }) => violationOf(file, check, read));
  return refusing((await Promise.all(found)).filter((violation) => violation !== undefined));
}

/** Empty for one that the API server has still to name. */
function nameOf(object: unknown): string {
  const metadata = isObject(object) ? object['metadata'] : undefined;
  return isObject(metadata) && typeof metadata['name'] === 'string' ? metadata['name'] : '';
}

interface NamedFile {
  readonly file: FileName;
  /** Throws InvalidInput for invalid content. */
  readonly check: (bytes: Uint8Array) => unknown;
}

function filesOf({ rules, trustedRoot }: PolicyDocument): readonly NamedFile[] {
  const requirements = rules.flatMap(({ require, attestations = [] }) => [
    ...require,
    ...attestations.flatMap(({ by }) => by ?? []),
  ]);
  const keys = requirements.flatMap(({ anyOf }) => anyOf.flatMap(({ key }) => key ?? []));
  const check = (bytes: Uint8Array) => loadPublicKey(Buffer.from(bytes).toString());
  return [
    ...keys.map((file) => ({ file, check })),
    ...(typeof trustedRoot === 'object' && 'file' in trustedRoot
      ? [{ file: trustedRoot.file, check: readTrustedRoot }]
      : []),
  ];
}

async function violationOf(
  file: FileName,
  check: NamedFile['check'],
  { files }: ReadSpec,
): Promise<Violation | undefined> {
  try {
    check(await files.read(file));
    return undefined;
  } catch (thrown) {
    return violationFrom(thrown, file.path);
  }
}
