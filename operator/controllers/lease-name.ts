/** The Lease of the replica that runs the controllers, in the namespace of the operator. */
export const leaseName = 'fairlead-operator';
