"""What SAM makes of a template: its Globals, its policy templates, and what it translates, which cfn-lint does not."""

import os
from copy import deepcopy
from typing import Any

from trials.template.load import TemplateError
from trials.template.values import as_dict, is_intrinsic

GLOBALS = {  # resource types and their section of Globals
    "AWS::Serverless::Function": "Function",
    "AWS::Serverless::Api": "Api",
    "AWS::Serverless::HttpApi": "HttpApi",
    "AWS::Serverless::SimpleTable": "SimpleTable",
    "AWS::Serverless::StateMachine": "StateMachine",
}
PACKAGED = {  # what `sam package` replaces by an address in S3, by type
    "AWS::Serverless::Function": "CodeUri",
    "AWS::Serverless::LayerVersion": "ContentUri",
    "AWS::Serverless::StateMachine": "DefinitionUri",
    "AWS::Serverless::Api": "DefinitionUri",
    "AWS::Serverless::HttpApi": "DefinitionUri",
}
POLICIES = {  # the actions that SAM's policy templates grant, of the services that serverless code mostly calls
    "AWSSecretsManagerGetSecretValuePolicy": "secretsmanager:GetSecretValue",
    "AWSSecretsManagerRotationPolicy": (
        "secretsmanager:DescribeSecret secretsmanager:GetSecretValue secretsmanager:PutSecretValue "
        "secretsmanager:UpdateSecretVersionStage secretsmanager:GetRandomPassword"
    ),
    "CloudWatchDashboardPolicy": (
        "cloudwatch:GetDashboard cloudwatch:ListDashboards cloudwatch:PutDashboard cloudwatch:ListMetrics"
    ),
    "CloudWatchDescribeAlarmHistoryPolicy": "cloudwatch:DescribeAlarmHistory",
    "CloudWatchPutMetricPolicy": "cloudwatch:PutMetricData",
    "DynamoDBBackupFullAccessPolicy": (
        "dynamodb:CreateBackup dynamodb:DescribeContinuousBackups dynamodb:DeleteBackup dynamodb:DescribeBackup "
        "dynamodb:ListBackups"
    ),
    "DynamoDBCrudPolicy": (
        "dynamodb:GetItem dynamodb:DeleteItem dynamodb:PutItem dynamodb:Scan dynamodb:Query dynamodb:UpdateItem "
        "dynamodb:BatchWriteItem dynamodb:BatchGetItem dynamodb:DescribeTable dynamodb:ConditionCheckItem"
    ),
    "DynamoDBReadPolicy": "dynamodb:GetItem dynamodb:Scan dynamodb:Query dynamodb:BatchGetItem dynamodb:DescribeTable",
    "DynamoDBReconfigurePolicy": "dynamodb:UpdateTable",
    "DynamoDBRestoreFromBackupPolicy": (
        "dynamodb:RestoreTableFromBackup dynamodb:PutItem dynamodb:UpdateItem dynamodb:DeleteItem "
        "dynamodb:GetItem dynamodb:Query dynamodb:Scan dynamodb:BatchWriteItem"
    ),
    "DynamoDBStreamReadPolicy": (
        "dynamodb:DescribeStream dynamodb:GetRecords dynamodb:GetShardIterator dynamodb:ListStreams"
    ),
    "DynamoDBWritePolicy": "dynamodb:PutItem dynamodb:UpdateItem dynamodb:BatchWriteItem",
    "EventBridgePutEventsPolicy": "events:PutEvents",
    "FirehoseCrudPolicy": (
        "firehose:CreateDeliveryStream firehose:DeleteDeliveryStream firehose:DescribeDeliveryStream "
        "firehose:PutRecord firehose:PutRecordBatch firehose:UpdateDestination"
    ),
    "FirehoseWritePolicy": "firehose:PutRecord firehose:PutRecordBatch",
    "KMSDecryptPolicy": "kms:Decrypt",
    "KMSEncryptPolicy": "kms:Encrypt",
    "KMSEncryptPolicy_v2": (
        "kms:Encrypt kms:GenerateDataKey kms:GenerateDataKeyWithoutPlaintext kms:GenerateDataKeyPair "
        "kms:GenerateDataKeyPairWithoutPlaintext"
    ),
    "KinesisCrudPolicy": (
        "kinesis:AddTagsToStream kinesis:CreateStream kinesis:DecreaseStreamRetentionPeriod kinesis:DeleteStream "
        "kinesis:DescribeStream kinesis:DescribeStreamSummary kinesis:GetShardIterator "
        "kinesis:IncreaseStreamRetentionPeriod kinesis:ListTagsForStream kinesis:MergeShards kinesis:PutRecord "
        "kinesis:PutRecords kinesis:SplitShard kinesis:RemoveTagsFromStream"
    ),
    "KinesisStreamReadPolicy": (
        "kinesis:ListStreams kinesis:DescribeLimits kinesis:DescribeStream kinesis:DescribeStreamSummary "
        "kinesis:GetRecords kinesis:GetShardIterator"
    ),
    "LambdaInvokePolicy": "lambda:InvokeFunction",
    "S3CrudPolicy": (
        "s3:GetObject s3:ListBucket s3:GetBucketLocation s3:GetObjectVersion s3:PutObject s3:PutObjectAcl "
        "s3:GetLifecycleConfiguration s3:PutLifecycleConfiguration s3:DeleteObject"
    ),
    "S3FullAccessPolicy": (
        "s3:GetObject s3:GetObjectAcl s3:GetObjectVersion s3:PutObject s3:PutObjectAcl s3:DeleteObject "
        "s3:DeleteObjectTagging s3:DeleteObjectVersionTagging s3:GetObjectTagging s3:GetObjectVersionTagging "
        "s3:PutObjectTagging s3:PutObjectVersionTagging s3:ListBucket s3:GetBucketLocation "
        "s3:GetLifecycleConfiguration s3:PutLifecycleConfiguration"
    ),
    "S3ReadPolicy": "s3:GetObject s3:ListBucket s3:GetBucketLocation s3:GetObjectVersion s3:GetLifecycleConfiguration",
    "S3WritePolicy": "s3:PutObject s3:PutObjectAcl s3:PutLifecycleConfiguration",
    "SESBulkTemplatedCrudPolicy": (
        "ses:GetIdentityVerificationAttributes ses:SendEmail ses:SendRawEmail ses:SendTemplatedEmail "
        "ses:SendBulkTemplatedEmail ses:VerifyEmailIdentity"
    ),
    "SESBulkTemplatedCrudPolicy_v2": (
        "ses:SendEmail ses:SendRawEmail ses:SendTemplatedEmail ses:SendBulkTemplatedEmail "
        "ses:GetIdentityVerificationAttributes ses:VerifyEmailIdentity"
    ),
    "SESCrudPolicy": "ses:GetIdentityVerificationAttributes ses:SendEmail ses:SendRawEmail ses:VerifyEmailIdentity",
    "SESEmailTemplateCrudPolicy": (
        "ses:CreateTemplate ses:GetTemplate ses:ListTemplates ses:UpdateTemplate ses:DeleteTemplate "
        "ses:TestRenderTemplate"
    ),
    "SESSendBouncePolicy": "ses:SendBounce",
    "SNSCrudPolicy": "sns:ListSubscriptionsByTopic sns:CreateTopic sns:SetTopicAttributes sns:Subscribe sns:Publish",
    "SNSPublishMessagePolicy": "sns:Publish",
    "SQSPollerPolicy": (
        "sqs:ChangeMessageVisibility sqs:ChangeMessageVisibilityBatch sqs:DeleteMessage sqs:DeleteMessageBatch "
        "sqs:GetQueueAttributes sqs:ReceiveMessage"
    ),
    "SQSSendMessagePolicy": "sqs:SendMessage*",
    "SSMParameterReadPolicy": "ssm:DescribeParameters ssm:GetParameters ssm:GetParameter ssm:GetParametersByPath",
    "SSMParameterWithSlashPrefixReadPolicy": (
        "ssm:DescribeParameters ssm:GetParameters ssm:GetParameter ssm:GetParametersByPath"
    ),
    "StepFunctionsCallbackPolicy": "states:SendTaskFailure states:SendTaskHeartbeat states:SendTaskSuccess",
    "StepFunctionsExecutionPolicy": "states:StartExecution",
    "StepFunctionsExecutionPolicy_v2": "states:StartExecution states:StartSyncExecution",
}
INSTEAD = {"AWS::Serverless::StateMachine": "Definition", "AWS::Serverless::Function": "InlineCode"}


def is_sam(template: dict[str, Any]) -> bool:
    return "AWS::Serverless-2016-10-31" in str(template.get("Transform"))


def translated(template: dict[str, Any]) -> dict[str, Any]:
    """The CloudFormation template that SAM makes; raises `TemplateError` with what SAM refuses."""
    from samtranslator.model.exceptions import InvalidDocumentException
    from samtranslator.parser.parser import Parser
    from samtranslator.translator.translator import Translator

    os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")  # SAM asks for one
    packaged = deepcopy(template)
    for resource in packaged["Resources"].values():
        key, kind = PACKAGED.get(resource["Type"]), resource["Type"]
        properties = resource.get("Properties") or {}
        always = kind in INSTEAD and INSTEAD[kind] not in properties
        if key and (always or isinstance(properties.get(key), str)):
            resource["Properties"] = {**properties, key: "s3://bucket/key"}
    try:
        made = Translator(managed_policy_map={}, sam_parser=Parser()).translate(packaged, parameter_values={})
    except InvalidDocumentException as refused:
        causes = "; ".join(cause.message for cause in refused.causes)
        raise TemplateError(f"{refused.message} {causes}") from refused
    assert isinstance(made, dict)
    return made


def shared_section(body: dict[str, Any], kind: str) -> dict[str, Any]:
    """What Globals of a template say about a type of resource."""
    return as_dict(as_dict(body.get("Globals")).get(GLOBALS.get(kind, "")))


def merged_properties(body: dict[str, Any], resource: dict[str, Any]) -> dict[str, Any]:
    """The properties of a resource of a template, Globals included."""
    properties: dict[str, Any] = merged(
        shared_section(body, str(resource.get("Type"))), as_dict(resource.get("Properties"))
    )
    return properties


def merged(shared: Any, own: Any) -> Any:
    """As SAM merges Globals: objects key by key, lists one after the other, anything else replaced."""
    if isinstance(shared, dict) and isinstance(own, dict) and not is_intrinsic(shared) and not is_intrinsic(own):
        if not shared:
            return own
        both = shared.keys() & own.keys()
        return {
            key: merged(shared[key], own[key]) if key in both else own.get(key, shared.get(key))
            for key in {**shared, **own}
        }
    if isinstance(shared, list) and isinstance(own, list):
        return shared + own
    return own
