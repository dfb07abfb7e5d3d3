import type { EventBridgeClientConfig } from "@aws-sdk/client-eventbridge";

export interface PutEventsRequestEntry {
  readonly Source: string;
  readonly DetailType: string;
  readonly Detail?: string;
  readonly SystemMetadata?: { readonly EventGroupId?: string; readonly DeduplicationId?: string };
}
export interface PutEventsResultEntry {
  readonly EventId?: string;
  readonly SuccessCode?: "PUBLISHED" | "DEDUPLICATED";
  readonly ErrorCode?: string;
}
export interface Blocks {
  readonly InvokeConfiguration?: object;
  readonly FilterConfiguration?: object;
  readonly BatchConfiguration?: object;
  readonly Transformer?: object;
  readonly RetryPolicy?: object;
  readonly OnFailureConfiguration?: object;
  readonly LogConfiguration?: object;
  readonly State?: "RUNNING" | "STOPPED";
}
export interface DescribeSubscriberResponse extends Blocks {
  readonly SubscriberArn?: string;
  readonly Name?: string;
  readonly EventBusArn?: string;
  readonly Type?: "FIFO" | "UNORDERED";
  readonly StartingPosition?: "LATEST" | "POINT_IN_TIME";
}
export interface CreateSubscriberRequest extends Blocks {
  readonly Name: string;
  readonly EventBusArn: string;
  readonly InvokeConfiguration: object | undefined;
  readonly Type?: "FIFO" | "UNORDERED";
  readonly StartingPosition?: "LATEST" | "POINT_IN_TIME";
  readonly PointInTimeConfiguration?: { readonly PointType: "HORIZON" | "TIMESTAMP"; readonly StartingPoint?: Date };
  readonly ClientToken?: string;
}
export interface UpdateSubscriberRequest extends Blocks {
  readonly SubscriberArn: string;
  readonly ResumePosition?: "LAST_PROCESSED" | "LATEST";
}

declare class Asking<Request, Response> {
  constructor(input: Request);
  readonly input: Request;
  readonly answered: Response; // for the types alone
}
export class PutEventsCommand extends Asking<
  { EventBusArn: string; Entries: PutEventsRequestEntry[] },
  { Entries?: PutEventsResultEntry[]; FailedEntryCount?: number }
> {}
export class DescribeSubscriberCommand extends Asking<{ SubscriberArn: string }, DescribeSubscriberResponse> {}
export class CreateSubscriberCommand extends Asking<
  CreateSubscriberRequest,
  Omit<DescribeSubscriberResponse, keyof Blocks>
> {}
export class UpdateSubscriberCommand extends Asking<
  UpdateSubscriberRequest,
  Pick<DescribeSubscriberResponse, "SubscriberArn" | "State">
> {}
export class DeleteSubscriberCommand extends Asking<{ SubscriberArn: string }, object> {}

export class EventBridgeV2Client {
  constructor(configuration?: EventBridgeClientConfig);
  send<Request, Response>(command: Asking<Request, Response>): Promise<Response>;
}
