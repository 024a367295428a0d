import * as v from 'valibot';
import { rule, setOf } from '../shared/kubernetes.ts';

const subdomain = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

const flag = (description: string) => v.optional(v.pipe(v.boolean(), v.description(description)));
const names = (description: string) => v.optional(v.pipe(setOf(v.string()), v.description(description)));

/** Which rules a SelinuxProfile may have: what the older version has. */
export const selinuxOptionsEntries = {
  allowedSystemProfiles: v.optional(
    v.pipe(setOf(v.string()), v.description('The policies of the node that a SelinuxProfile may inherit.')),
    ['container'],
  ),
};

/** Which rules a SelinuxProfile may have. */
export const selinuxOptionsSchema = v.object({
  ...selinuxOptionsEntries,
  deniedTypes: names('Types that no rule may be about, in addition to those that are always denied.'),
  deniedClasses: names('Object classes that no rule may be about, in addition to those that are always denied.'),
  deniedPermissions: names('Permissions that no rule may grant, in addition to those that are always denied.'),
  allowedTypes: names('Types that are otherwise denied, and that rules may be about.'),
  allowedClasses: names('Object classes that are otherwise denied, and that rules may be about.'),
  allowedPermissions: names('Permissions that are otherwise denied, and that rules may grant.'),
});

const options = 'Which rules a SelinuxProfile may have.';
const typeTag = v.pipe(v.string(), v.description("The SELinux type of the operator's own pods on the nodes."));

const switches = {
  enable: flag('Whether SELinux profiles are installed. Detected by default.'),
  enableRawSelinuxProfiles: flag('Whether RawSelinuxProfiles are installed. True by default.'),
  customTemplatesConfigMap: v.optional(
    v.pipe(
      v.string(),
      v.maxLength(253),
      v.regex(subdomain),
      ...rule<string>({
        rule: `self.matches('${subdomain.source.replaceAll('\\', '\\\\')}')`,
        message:
          'customTemplatesConfigMap must be the name of a ConfigMap: lower-case letters, digits, "-" and ".", with a letter or ' +
          'digit at both ends',
        holds: (name) => subdomain.test(name),
      }),
      v.description('A ConfigMap with CIL templates, which SelinuxProfiles may inherit.'),
    ),
  ),
};

/** `spec.selinux` in v1. */
export const selinuxSchema = v.object({
  ...switches,
  typeTag: v.optional(typeTag, 'spc_t'),
  options: v.optional(v.pipe(selinuxOptionsSchema, v.description(options)), {}),
});

/** `spec.selinuxOptions` before 1.0, and `spec.selinux.options` in the older version. */
export const olderSelinuxOptionsSchema = v.object(selinuxOptionsEntries);

/** `spec.selinux` in the older version: without defaults, for a field before 1.0 may be set. */
export const olderSelinuxSchema = v.object({
  ...switches,
  typeTag: v.optional(typeTag),
  options: v.optional(v.pipe(olderSelinuxOptionsSchema, v.description(options))),
});
