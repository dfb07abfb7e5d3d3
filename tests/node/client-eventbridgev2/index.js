// A stand-in for AWS's client of the Custom Event Bus: its names and its protocol, by the SDK's own parts.
import { EventBridgeClient } from "@aws-sdk/client-eventbridge";
import { AwsSmithyRpcV2CborProtocol } from "@aws-sdk/core/protocols";
import { makeBuilder } from "@smithy/core/client";
import { getEndpointPlugin } from "@smithy/core/endpoints";

const SPACE = "com.amazonaws.eventsv2";
const TEXT = 0; // types of a schema, as the SDK numbers them
const MOMENT = 4;
const ANYTHING = 15;

const structure = (name, members) => [3, SPACE, name, 0, Object.keys(members), Object.values(members)];

const point = structure("PointInTimeConfiguration", { PointType: TEXT, StartingPoint: MOMENT, EndPoint: MOMENT });
const blocks = {
  InvokeConfiguration: ANYTHING,
  FilterConfiguration: ANYTHING,
  BatchConfiguration: ANYTHING,
  Transformer: ANYTHING,
  RetryPolicy: ANYTHING,
  OnFailureConfiguration: ANYTHING,
  LogConfiguration: ANYTHING,
  State: TEXT,
};
const short = { SubscriberArn: TEXT, Name: TEXT, EventBusArn: TEXT, Type: TEXT, StartingPosition: TEXT, State: TEXT };

/** Of each operation, the members of its request and of its answer. */
export const operations = {
  PutEvents: [
    { EventBusArn: TEXT, Entries: ANYTHING, DeduplicationConfiguration: ANYTHING },
    { FailedEntryCount: 1, Entries: ANYTHING },
  ],
  DescribeSubscriber: [{ SubscriberArn: TEXT }, { ...short, ...blocks }],
  CreateSubscriber: [
    {
      ...{ Name: TEXT, EventBusArn: TEXT, Type: TEXT, StartingPosition: TEXT, ClientToken: TEXT },
      ...{ ...blocks, PointInTimeConfiguration: () => point },
    },
    short,
  ],
  UpdateSubscriber: [{ SubscriberArn: TEXT, ResumePosition: TEXT, ...blocks }, short],
  DeleteSubscriber: [{ SubscriberArn: TEXT }, {}],
};

const command = makeBuilder(
  { Region: { type: "builtInParams", name: "region" }, Endpoint: { type: "builtInParams", name: "endpoint" } },
  "AWSEventsV2",
  "EventBridgeV2Client",
  getEndpointPlugin,
);

function made(name) {
  const [asked, answered] = operations[name];
  const request = structure(`${name}Request`, asked);
  const response = structure(`${name}Response`, answered);
  const schema = [9, SPACE, name, 0, () => request, () => response];
  return class extends command({}, () => [], name, schema) {};
}

export class EventBridgeV2Client extends EventBridgeClient {
  constructor(configuration = {}) {
    super({
      ...configuration,
      serviceId: "EventBridgeV2",
      protocol: AwsSmithyRpcV2CborProtocol,
      protocolSettings: { defaultNamespace: SPACE, errorTypeRegistries: [], serviceTarget: "AWSEventsV2" },
    });
  }
}
export const PutEventsCommand = made("PutEvents");
export const DescribeSubscriberCommand = made("DescribeSubscriber");
export const CreateSubscriberCommand = made("CreateSubscriber");
export const UpdateSubscriberCommand = made("UpdateSubscriber");
export const DeleteSubscriberCommand = made("DeleteSubscriber");
