export function recordStart(): void;
