// For tests of code that uses breakers.

export { ManualClock } from './clock';
export { allowLanes, countedByLanes } from './host';
