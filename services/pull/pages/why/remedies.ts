import { stringify } from 'yaml';
import type { RuntimeKind } from '#lib/profile/profile';
import { type Alternative, describeAlternative } from '#lib/trust/policy/policy';
import { withoutDirectory } from './explain-why.ts';
import type { WhyAnswer } from './why-view.ts';

/** Something that would change the answer. */
export interface Remedy {
  /** Whose job it is, and what it is. */
  readonly title: string;
  /** What is copied. */
  readonly text: string;
  /** Where it goes: `Command line`, or the policy's file. */
  readonly where: string;
  /** The place in that file. */
  readonly place?: string;
}

/** Returns what would change a refusal, for the publisher first. */
export function remediesFor(answer: WhyAnswer, kind: RuntimeKind): readonly Remedy[] {
  const { refusal, repository, rules, deciding, policy } = answer;
  const rule = rules.find(({ number }) => number === deciding);
  const version = answer.digest === undefined ? '' : `@${answer.digest}`;
  switch (refusal?.kind) {
    case undefined:
      return [];
    case 'NotAllowed': {
      const other = rules.find(({ outcome }) => outcome === 'other kind');
      const kinds = other?.rule.kinds ?? [];
      const place = other === undefined ? {} : { place: placeOf(other) };
      return [
        other === undefined
          ? {
              title: 'The policy’s owner adds a rule',
              where: policy.name,
              text: yaml({ rules: [{ match: repository, kinds: [kind], require: [{ key: 'PUBLISHER.pub' }] }] }),
            }
          : {
              title: `The policy’s owner adds ${kind} to the kinds of rule ${other.number}`,
              where: policy.name,
              ...place,
              text: yaml({ kinds: [...kinds, kind] }),
            },
      ];
    }
    case 'SignatureInvalid': {
      const alternatives = rule?.rule.require.flatMap(({ anyOf }) => anyOf) ?? [];
      const [first] = alternatives;
      return [
        {
          title: 'The publisher signs as the rule requires',
          where: 'Command line',
          text: `fairlead sign ${repository}${version} ${signingOptions(first)}`,
        },
        {
          title: 'The policy’s owner accepts the publisher’s signer as well',
          where: policy.name,
          ...(rule !== undefined && { place: placeOf(rule) }),
          text: yaml({ require: [{ anyOf: [{ key: 'PUBLISHER.pub' }, ...alternatives.map(required)] }] }),
        },
      ];
    }
    case 'ProfileInvalid':
    case 'LimitExceeded':
      return [
        {
          title: 'The reader looks at what the reference names',
          where: 'Command line',
          text: `fairlead inspect ${repository}${version}`,
        },
      ];
    case 'NotFound':
      return [
        { title: 'The reader looks for an existing version', where: 'Command line', text: `fairlead ls ${repository}` },
      ];
    default:
      return [];
  }
}

function placeOf({ number, line }: { readonly number: number; readonly line?: string }): string {
  return `rule ${number}${line === undefined ? '' : `, line ${line}`}`;
}

/** Returns how the signer of an alternative signs. */
function signingOptions(alternative: Alternative | undefined): string {
  if (alternative === undefined || alternative.key === undefined) return '--keyless';
  return `--key ${withoutDirectory(describeAlternative(alternative))
    .slice(4)
    .replace(/\.pub$/, '')}.key`;
}

function required(alternative: Alternative): object {
  if (alternative.keyless === undefined) return { key: withoutDirectory(`key ${alternative.key}`).slice(4) };
  const { issuer, identity } = alternative.keyless;
  return {
    keyless: {
      ...('exact' in issuer ? { issuer: issuer.exact } : { issuerPattern: issuer.pattern }),
      ...('exact' in identity ? { identity: identity.exact } : { identityPattern: identity.pattern }),
    },
  };
}

function yaml(value: object): string {
  return stringify(value, { lineWidth: 0 }).trimEnd();
}
