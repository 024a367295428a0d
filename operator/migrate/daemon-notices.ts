import { ignoredOptions } from '../validate/webhook-options.ts';
import type { ObjectNotice } from './findings.ts';
import { at, below, isList, isObject, type JsonObject, textAt } from './value.ts';

/** What notices depend on beside the object. */
export interface NoticeContext {
  readonly usesRegistry: boolean;
  readonly namespace: string | undefined;
  /** True if the manifest has the options of webhooks where they were before 1.0. */
  readonly hasFlatOptions: boolean;
}

/** Returns what differs for the configuration of SPO's daemon, v1, in a cluster with Fairlead. */
export function daemonNotices(next: JsonObject, context: NoticeContext): readonly ObjectNotice[] {
  return [...notFollowed(next, context), ...webhookOptions(next, context), ...anyoneMaySign(next, context)];
}

/** Where `fairlead operator manifests` installs the operator. */
const operatorNamespace = 'fairlead-system';

/** Returns that Fairlead reads another object than this one. */
function notFollowed(next: JsonObject, { namespace }: NoticeContext): readonly ObjectNotice[] {
  const isNamed = textAt(next, 'metadata', 'name') === 'spod';
  if (isNamed && namespace === operatorNamespace) return [];
  const message = `Fairlead follows the object spod in the namespace of its operator, ${operatorNamespace}, and no other`;
  return [{ code: 'not-followed', pointer: isNamed ? '/metadata/namespace' : '/metadata/name', message }];
}

/** Returns that the options of SPO's webhooks have no effect. */
function webhookOptions(next: JsonObject, { hasFlatOptions }: NoticeContext): readonly ObjectNotice[] {
  const options = at(next, 'spec', 'webhook', 'options');
  const pointer = hasFlatOptions ? '/spec/webhookOptions' : '/spec/webhook/options';
  return (isList(options) ? options : []).flatMap((option, index): ObjectNotice[] => {
    const message = ignoredOptions(textAt(option, 'name') ?? '');
    return message === undefined ? [] : [{ code: 'webhook-options', pointer: below(pointer, index), message }];
  });
}

/** Returns that SPO let anyone sign base profiles, and who decides in Fairlead. */
function anyoneMaySign(next: JsonObject, { usesRegistry }: NoticeContext): readonly ObjectNotice[] {
  const security = at(next, 'spec', 'security');
  const pointer = isObject(security) ? '/spec/security' : '/spec';
  const open = ['allowedIdentityRegexp', 'allowedOidcIssuerRegexp'].filter((field) =>
    acceptsAll(textAt(security, field)),
  );
  const isUnverified = at(security, 'disableOciArtifactSignatureVerification') === true;
  if (open.length === 0 && !isUnverified) return [];
  const before = isUnverified
    ? 'SPO did not verify the signatures of base profiles (disableOciArtifactSignatureVerification)'
    : `SPO let anyone sign base profiles (${open.join(' and ')}: .*, the default)`;
  const now = `Fairlead pulls only what the trust policy of its operator allows, and nothing without one`;
  const files = usesRegistry ? '' : ' (no profile in the files has a base in a registry)';
  return [{ code: 'anyone-may-sign', pointer, message: `${before}; ${now}${files}` }];
}

/** Reports whether a regular expression, which is searched for, accepts whatever there is. */
function acceptsAll(expression: string | undefined): boolean {
  if (expression === undefined || expression === '') return true;
  try {
    const pattern = new RegExp(expression);
    return pattern.test('~') && pattern.test('0') && pattern.test('\u{1f980}');
  } catch {
    return false;
  }
}
