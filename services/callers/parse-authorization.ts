import * as v from 'valibot';
import type { Path } from '#lib/config/config-document';
import { ConfigText } from '#lib/config/config-text';
import { FairleadError } from '#lib/errors';
import { isPrivateTransport } from '#lib/network/private-transport';
import { matchProblem } from '#lib/trust/policy/match';
import type { Authorization, AuthorizationRule, RuleCallers, TrustedIssuer } from './authorization.ts';
import { authorizationSchema, type IssuerInput, keysBelow, type RuleInput } from './authorization-schema.ts';

const maxLength = 1024 * 1024;
const formatHint = 'See docs/guides/services.md for the format of an authorization file.';

/**
 * Parses an authorization file (YAML or JSON). Names of files in it stay as they are. An empty file
 * allows nothing. Throws InvalidInput with source, line and column for invalid content; unknown
 * keys are invalid.
 */
export function parseAuthorization(text: string, source: string): Authorization {
  if (text.length > maxLength) {
    throw new FairleadError('InvalidInput', `${source}: the authorization file is too large: want at most 1 MiB`, {
      hint: 'Shorten it: one rule with a wildcard can replace many.',
    });
  }
  const document = new ConfigText(text, source, formatHint);
  if (document.value === null) return { source, issuers: [], rules: [] };
  const parsed = v.safeParse(authorizationSchema, document.value);
  if (!parsed.success) throw document.schemaError(parsed.issues, (parent) => Object.keys(keysBelow[parent] ?? {}));
  const issuers = readIssuers(document, parsed.output.issuers ?? []);
  const names = new Set(issuers.map(({ issuer }) => issuer));
  const rules = (parsed.output.rules ?? []).map((rule, at) => readRule(document, rule, names, ['rules', at]));
  return { source, issuers, rules };
}

function readIssuers(document: ConfigText, given: readonly IssuerInput[]): readonly TrustedIssuer[] {
  const seen = new Set<string>();
  for (const [at, { issuer, url = issuer }] of given.entries()) {
    const path = ['issuers', at, given[at]?.url === undefined ? 'issuer' : 'url'];
    if (seen.has(issuer)) throw document.error(['issuers', at, 'issuer'], `the issuer ${issuer} is listed twice`);
    seen.add(issuer);
    // The path of the discovery document is appended to it (OpenID Connect Discovery 1.0, 4).
    const { search, hash, username, password } = new URL(url);
    if (search !== '' || hash !== '' || username !== '' || password !== '') {
      throw document.error(path, 'invalid issuer: want a URL without user, query and fragment');
    }
    if (!isPrivateTransport(url)) {
      throw document.error(path, `invalid issuer ${JSON.stringify(url)}: want https`, {
        hint: 'Anyone between the service and the issuer could replace its keys. Only on loopback, http is accepted.',
      });
    }
  }
  return given;
}

function readRule(document: ConfigText, rule: RuleInput, issuers: ReadonlySet<string>, path: Path): AuthorizationRule {
  for (const [at, glob] of rule.repositories.entries()) {
    const problem = matchProblem(glob);
    if (problem === undefined) continue;
    throw document.error([...path, 'repositories', at], `invalid pattern ${JSON.stringify(glob)}: ${problem}`, {
      hint: 'Write registry/repository, where * matches one path segment and ** any number, such as registry.example.com/security/**.',
    });
  }
  const { verbs, repositories, tags, kinds } = rule;
  return {
    callers: readCallers(document, rule, issuers, path),
    verbs,
    repositories,
    ...(tags && { tags }),
    ...(kinds && { kinds }),
  };
}

function readCallers(
  document: ConfigText,
  { anyone, token, issuer, subject, claims = {}, verbs }: RuleInput,
  issuers: ReadonlySet<string>,
  path: Path,
): RuleCallers {
  if ([anyone, token, issuer].filter((each) => each !== undefined).length !== 1) {
    throw document.error(path, 'want one of "issuer", "token" and "anyone"');
  }
  if (issuer === undefined) {
    if (subject !== undefined || Object.keys(claims).length > 0) {
      throw document.error(path, `"${subject === undefined ? 'claims' : 'subject'}" needs "issuer"`);
    }
    if (anyone && verbs.includes('publish')) {
      throw document.error([...path, 'verbs'], 'anonymous callers cannot publish');
    }
    return { who: anyone ? 'anyone' : 'token' };
  }
  if (!issuers.has(issuer)) {
    throw document.error([...path, 'issuer'], `the issuer ${JSON.stringify(issuer)} is not listed under "issuers"`, {
      hint: 'Add it, exactly as in the claim "iss" of its tokens.',
    });
  }
  if (subject === undefined && Object.keys(claims).length === 0) {
    throw document.error(path, 'neither "subject" nor "claims": everyone with a token of the issuer would be allowed', {
      hint: 'Add the subject of the tokens, or claims that they must have, such as `claims: {repository: example/app}`.',
    });
  }
  return { who: 'identity', issuer, ...(subject !== undefined && { subject }), claims };
}
