export { ManualClock } from './clock';
export { allowLanes, countedByLanes } from './host';
