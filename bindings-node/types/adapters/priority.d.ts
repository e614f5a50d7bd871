import { type Priority } from '../request';
/** Headers, in one of the forms that Node has for them. */
type HeadersLike = {
    get(name: string): unknown;
} | Iterable<readonly [string, unknown] | string> | {
    readonly [name: string]: unknown;
};
/**
 * What the header `x-request-priority` of a request says: a level, or a number from 0 to 100. `undefined` without it, and
 * when it says something else: it may come from anywhere.
 */
export declare function requestPriority(headers: HeadersLike | null | undefined): Priority | undefined;
export {};
