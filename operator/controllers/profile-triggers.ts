import { optionalTriggerOf, type Trigger, triggerOf } from '#lib/kube/controller';
import { kindsWithSettings } from '../validate/validators.ts';
import type { ClusterView } from './cluster-view.ts';
import type { ProfileResourceKind } from './profile-kinds.ts';
import type { StoredProfile } from './stored-profile.ts';

/**
 * Returns what the profiles of a kind depend on besides themselves. The reports of nodes and the
 * settings may not be served: {@link ClusterView} throws then what is not known. Every API server
 * has pods and nodes, and without them, nothing may be removed.
 */
export function profileTriggers(kind: ProfileResourceKind, view: ClusterView): readonly Trigger[] {
  const profiles = view.profiles[kind];
  const { store } = profiles;
  const names = (found: readonly StoredProfile[]): string[] => found.map(({ metadata }) => metadata.name);
  /** The profiles that reports are about. */
  const reported = (about: readonly string[]): string[] => about.flatMap((key) => names(store.byIndex('id', key)));
  /** Profiles that have this one as a base, or as a base of it. */
  const dependents = (base: string): Set<string> => {
    const found = new Set<string>();
    const visit = (name: string): void => {
      for (const dependent of names(store.byIndex('base', name))) {
        if (found.has(dependent)) continue;
        found.add(dependent);
        visit(dependent);
      }
    };
    visit(base);
    return found;
  };
  const all = (): Iterable<string> => store.keys();
  const triggers = [
    optionalTriggerOf(
      view.reports,
      ({ before, after }) => reported([...(before?.about ?? []), ...(after?.about ?? [])]),
      all,
    ),
  ];
  if (kindsWithSettings.has(kind)) triggers.push(optionalTriggerOf(view.daemons, all, all));
  if (kind === 'SeccompProfile') triggers.push(triggerOf(profiles, ({ key }) => dependents(key)));
  if (view.pods !== undefined) {
    triggers.push(
      triggerOf(view.pods, ({ before, after }) => {
        const [was, is] = [before?.uses ?? [], after?.uses ?? []];
        const changed = [...was, ...is].filter((usage) => was.includes(usage) !== is.includes(usage));
        return changed.flatMap((usage) => names(store.byIndex('usage', usage)));
      }),
    );
  }
  if (view.nodes !== undefined) {
    triggers.push(
      triggerOf(view.nodes, ({ key, before, after }) => {
        if ((before === undefined) === (after === undefined)) return [];
        const reports = view.reports.store.byIndex('node', key).flatMap(({ about }) => about);
        // Finalizers have names of nodes that may be cut.
        const held = [...store.values()].filter(({ finalizers }) =>
          finalizers.some((each) => each.endsWith('-deleted')),
        );
        return [...reported(reports), ...names(held)];
      }),
    );
  }
  return triggers;
}
