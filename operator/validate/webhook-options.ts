import { closest } from '#lib/text/closest';
import { quote } from '#lib/text/quote';
import { joinVerdicts, refusing, type Verdict } from './verdict.ts';

/** The webhooks whose options the Security Profiles Operator reads, by its names. */
const webhookNames: readonly string[] = [
  'binding.spo.io',
  'recording.spo.io',
  'execmetadata.spo.io',
  'nodedebuggingpod.spo.io',
  'rawselinuxprofile-validation.spo.io',
];

/**
 * Returns why the options of a webhook have no effect, and where Fairlead has such; undefined if
 * there is no webhook of this name.
 */
export function ignoredOptions(name: string): string | undefined {
  if (!webhookNames.includes(name)) return undefined;
  return (
    `${name} is a webhook of the Security Profiles Operator, and its options have no effect: ` +
    'set failurePolicy and selectors in the webhook configurations fairlead-operator'
  );
}

/** Validates `webhook.options` of a SecurityProfilesOperatorDaemon. */
export function validateWebhookOptions(options: readonly { readonly name: string }[]): Verdict {
  return joinVerdicts(...options.map(({ name }, index) => validateName(name, `spec.webhook.options[${index}].name`)));
}

function validateName(name: string, field: string): Verdict {
  const message = ignoredOptions(name);
  if (message !== undefined) return { violations: [], warnings: [{ field, message }] };
  const meant = closest(name, webhookNames);
  const suggestion = meant === undefined ? '' : `: did you mean ${meant}?`;
  const problem = `there is no webhook ${quote(name, 64)}${suggestion}`;
  return refusing([{ field, problem, fix: `Use one of ${webhookNames.join(', ')}.` }]);
}
