/**
 * What the local runtime does with each resource type and property. What stands in none of these tables is refused with its
 * line: a property that does nothing must be known to do nothing.
 */

/**
 * simulated: the runtime acts on it · accepted: it has no meaning on one machine (encryption, tags, names, permissions) · later: it
 * means something on AWS that this runtime does not do yet, and no result here depends on it; it is listed at start.
 */
export type Use = "simulated" | "accepted" | "later";
/** A catalogue of a list is that of its items. */
export type Catalogue = Use | { readonly [property: string]: Catalogue };

const simulated = "simulated";
const accepted = "accepted";
const later = "later";

function all(use: Use, properties: string): Readonly<Record<string, Use>> {
  return Object.fromEntries(properties.split(" ").map((property) => [property, use]));
}

const functionProperties: Catalogue = {
  ...all(simulated, "CodeUri Environment Events Handler MemorySize Policies Role Runtime Timeout"),
  ...all(accepted, "Architectures AssumeRolePolicyDocument Description EphemeralStorage FunctionName KmsKeyArn Layers"),
  ...all(accepted, "LoggingConfig PermissionsBoundary PropagateTags RecursiveLoop RolePath"),
  // A dead letter queue and an invoke configuration concern asynchronous invocations, of which there are none here.
  ...all(accepted, "DeadLetterQueue EventInvokeConfig RuntimeManagementConfig SourceKMSKeyArn Tags Tracing VpcConfig"),
  ...all(later, "AutoPublishAlias DeploymentPreference ProvisionedConcurrencyConfig ReservedConcurrentExecutions"),
};

const streamProperties: Catalogue = {
  ...all(simulated, "DesiredShardLevelMetrics MaxRecordSizeInKiB RetentionPeriodHours ShardCount"),
  ...all(accepted, "Name Tags WarmThroughputMiBps"),
  StreamModeDetails: all(simulated, "StreamMode"),
  StreamEncryption: all(accepted, "EncryptionType KeyId"),
};

const tableProperties: Catalogue = {
  ...all(simulated, "AttributeDefinitions BillingMode GlobalSecondaryIndexes KeySchema LocalSecondaryIndexes"),
  ...all(simulated, "ProvisionedThroughput"),
  ...all(accepted, "ContributorInsightsSpecification DeletionProtectionEnabled OnDemandThroughput"),
  ...all(accepted, "PointInTimeRecoverySpecification ResourcePolicy SSESpecification TableClass TableName Tags"),
  ...all(accepted, "WarmThroughput"),
  ...all(later, "TimeToLiveSpecification"),
  StreamSpecification: { StreamViewType: simulated, ResourcePolicy: accepted },
};

const bucketProperties: Catalogue = {
  ...all(accepted, "AccessControl AnalyticsConfigurations BucketEncryption BucketName LoggingConfiguration"),
  ...all(accepted, "MetricsConfigurations OwnershipControls PublicAccessBlockConfiguration Tags"),
  ...all(
    later,
    "IntelligentTieringConfigurations InventoryConfigurations LifecycleConfiguration ObjectLockConfiguration",
  ),
  ...all(later, "ObjectLockEnabled ReplicationConfiguration VersioningConfiguration"),
};

const conversion: Catalogue = {
  Enabled: simulated,
  SchemaConfiguration: {
    ...all(simulated, "DatabaseName TableName"),
    ...all(accepted, "CatalogId Region RoleARN VersionId"),
  },
  ...all(simulated, "InputFormatConfiguration OutputFormatConfiguration"),
};

const deliveryProperties: Catalogue = {
  ...all(simulated, "DeliveryStreamType"),
  ...all(accepted, "DeliveryStreamEncryptionConfigurationInput DeliveryStreamName Tags"),
  DirectPutSourceConfiguration: accepted,
  KinesisStreamSourceConfiguration: { KinesisStreamARN: simulated, RoleARN: accepted },
  ExtendedS3DestinationConfiguration: {
    ...all(simulated, "BucketARN BufferingHints CompressionFormat CustomTimeZone DynamicPartitioningConfiguration"),
    ...all(simulated, "ErrorOutputPrefix FileExtension Prefix ProcessingConfiguration"),
    ...all(accepted, "CloudWatchLoggingOptions EncryptionConfiguration RoleARN"),
    DataFormatConversionConfiguration: conversion,
  },
};

const glueColumns: Catalogue = { ...all(simulated, "Name Type"), ...all(accepted, "Comment Parameters") };

const glueTableProperties: Catalogue = {
  ...all(simulated, "DatabaseName"),
  ...all(accepted, "CatalogId"),
  TableInput: {
    ...all(simulated, "Name"),
    ...all(simulated, "Parameters TableType ViewOriginalText"),
    ...all(accepted, "Description Owner Retention TargetTable ViewExpandedText"),
    PartitionKeys: glueColumns,
    StorageDescriptor: {
      Columns: glueColumns,
      ...all(simulated, "Location"),
      ...all(accepted, "BucketColumns Compressed InputFormat NumberOfBuckets OutputFormat Parameters"),
      ...all(accepted, "SchemaReference SkewedInfo SortColumns StoredAsSubDirectories"),
      SerdeInfo: { ...all(simulated, "SerializationLibrary"), ...all(accepted, "Name Parameters") },
    },
  },
};

const glueDatabaseProperties: Catalogue = {
  ...all(accepted, "CatalogId DatabaseName"),
  DatabaseInput: {
    ...all(simulated, "Name"),
    ...all(accepted, "CreateTableDefaultPermissions Description FederatedDatabase LocationUri Parameters"),
    ...all(accepted, "TargetDatabase"),
  },
};

const workGroupProperties: Catalogue = {
  ...all(simulated, "Description State"),
  ...all(accepted, "Name RecursiveDeleteOption Tags"),
  WorkGroupConfiguration: {
    ...all(simulated, "BytesScannedCutoffPerQuery EnforceWorkGroupConfiguration"),
    ...all(accepted, "AdditionalConfiguration EngineVersion ExecutionRole RequesterPaysEnabled"),
    ...all(later, "PublishCloudWatchMetricsEnabled"),
    ResultConfiguration: {
      ...all(simulated, "OutputLocation"),
      ...all(accepted, "AclConfiguration EncryptionConfiguration ExpectedBucketOwner"),
    },
  },
};

const roleProperties: Catalogue = {
  ...all(simulated, "AssumeRolePolicyDocument ManagedPolicyArns Policies"),
  ...all(accepted, "Description MaxSessionDuration Path PermissionsBoundary RoleName Tags"),
};

const alarmProperties: Catalogue = {
  ...all(simulated, "ActionsEnabled AlarmActions AlarmDescription ComparisonOperator DatapointsToAlarm Dimensions"),
  ...all(simulated, "EvaluateLowSampleCountPercentile EvaluationPeriods ExtendedStatistic InsufficientDataActions"),
  ...all(simulated, "MetricName Metrics Namespace OKActions Period Statistic Threshold TreatMissingData Unit"),
  ...all(accepted, "AlarmName Tags"),
};

const queueProperties: Catalogue = {
  ...all(simulated, "ContentBasedDeduplication DelaySeconds FifoQueue MaximumMessageSize MessageRetentionPeriod"),
  ...all(simulated, "ReceiveMessageWaitTimeSeconds RedrivePolicy VisibilityTimeout"),
  ...all(accepted, "KmsDataKeyReusePeriodSeconds KmsMasterKeyId QueueName SqsManagedSseEnabled Tags"),
  ...all(later, "DeduplicationScope FifoThroughputLimit RedriveAllowPolicy"),
};

const subscriptionProperties: Catalogue = {
  ...all(simulated, "Endpoint FilterPolicy FilterPolicyScope Protocol RawMessageDelivery TopicArn"),
  ...all(accepted, "Region SubscriptionRoleArn"),
  ...all(later, "DeliveryPolicy RedrivePolicy ReplayPolicy"),
};

const topicProperties: Catalogue = {
  Subscription: all(simulated, "Endpoint Protocol"),
  ...all(accepted, "DataProtectionPolicy DeliveryStatusLogging DisplayName FifoThroughputScope KmsMasterKeyId"),
  ...all(accepted, "SignatureVersion Tags TopicName TracingConfig"),
  ...all(simulated, "FifoTopic"),
  ...all(later, "ArchivePolicy ContentBasedDeduplication"),
};

const httpApiProperties: Catalogue = {
  DefinitionBody: simulated,
  ...all(accepted, "Description FailOnWarnings Name Tags"),
};

const machineProperties: Catalogue = {
  ...all(simulated, "Definition DefinitionSubstitutions DefinitionUri Policies Role Type"),
  ...all(accepted, "Logging Name PermissionsBoundary PropagateTags RolePath Tags Tracing"),
  ...all(simulated, "Events"),
  ...all(later, "AutoPublishAlias DeploymentPreference UseAliasAsEventTarget"),
};

const plainMachineProperties: Catalogue = {
  ...all(simulated, "Definition DefinitionString DefinitionSubstitutions RoleArn StateMachineType"),
  ...all(accepted, "EncryptionConfiguration LoggingConfiguration StateMachineName Tags TracingConfiguration"),
};

const ruleProperties: Catalogue = {
  ...all(simulated, "EventBusName EventPattern ScheduleExpression State"),
  ...all(accepted, "Description Name RoleArn Tags"),
  Targets: {
    ...all(simulated, "Arn Input RoleArn"),
    ...all(accepted, "Id"),
    ...all(later, "DeadLetterConfig RetryPolicy"),
  },
};

const scheduleProperties: Catalogue = {
  ...all(simulated, "EndDate FlexibleTimeWindow ScheduleExpression ScheduleExpressionTimezone StartDate State Target"),
  ...all(accepted, "Description GroupName KmsKeyArn Name"),
};

/** Resource types which the runtime creates, with their properties. */
export const simulatedTypes: Readonly<Record<string, Catalogue>> = {
  "AWS::Serverless::Function": functionProperties,
  "AWS::Events::EventBus": all(accepted, "Description Name Policy Tags"),
  "AWS::Events::Rule": ruleProperties,
  "AWS::Scheduler::Schedule": scheduleProperties,
  "AWS::Serverless::HttpApi": httpApiProperties,
  "AWS::Kinesis::Stream": streamProperties,
  "AWS::Kinesis::StreamConsumer": { ...all(simulated, "StreamARN"), ...all(accepted, "ConsumerName Tags") },
  "AWS::DynamoDB::Table": tableProperties,
  "AWS::S3::Bucket": bucketProperties,
  "AWS::KinesisFirehose::DeliveryStream": deliveryProperties,
  "AWS::Glue::Database": glueDatabaseProperties,
  "AWS::Glue::Table": glueTableProperties,
  "AWS::Athena::WorkGroup": workGroupProperties,
  "AWS::Athena::NamedQuery": all(simulated, "Database Description Name QueryString WorkGroup"),
  "AWS::CloudWatch::Alarm": alarmProperties,
  "AWS::IAM::Role": roleProperties,
  // Its properties are checked by those who read it.
  "AWS::Lambda::EventSourceMapping": simulated,
  "AWS::SQS::Queue": queueProperties,
  "AWS::SNS::Topic": topicProperties,
  "AWS::SNS::Subscription": subscriptionProperties,
  "AWS::Serverless::StateMachine": machineProperties,
  "AWS::StepFunctions::StateMachine": plainMachineProperties,
};

/** Resource types which are left out without changing what the pipeline computes. */
export const notSimulatedTypes: ReadonlySet<string> = new Set([
  "AWS::ApplicationAutoScaling::ScalableTarget",
  "AWS::ApplicationAutoScaling::ScalingPolicy",
  "AWS::Athena::PreparedStatement",
  "AWS::Budgets::Budget",
  "AWS::CloudWatch::CompositeAlarm",
  "AWS::CloudWatch::Dashboard",
  "AWS::IAM::ManagedPolicy",
  "AWS::IAM::Policy",
  "AWS::KMS::Alias",
  "AWS::KMS::Key",
  "AWS::Kinesis::ResourcePolicy",
  "AWS::Lambda::LayerVersion",
  "AWS::Lambda::Permission",
  "AWS::Logs::LogGroup",
  "AWS::Logs::LogStream",
  "AWS::Logs::MetricFilter",
  "AWS::S3::BucketPolicy",
  "AWS::SNS::TopicPolicy",
  "AWS::SQS::QueuePolicy",
  "AWS::Serverless::LayerVersion",
]);
