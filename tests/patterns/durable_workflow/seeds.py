"""This example broken in ways that the trials of a reader's own project must report, with the word they must use.

Nothing of its own sets it off but calls, which have no trials: each mistake is in what a reader puts before Start.
"""

from support.mistakes import TEMPLATE, Seed

BEFORE = "  Decide: # whoever shows"
CALLED = "      Environment: { Variables: { WORKFLOW: !Ref WorkflowAliaslive } }\n"
RULE = """  Applied:
    Type: AWS::Events::Rule
    Properties:
      EventPattern: { source: [shop.loans] }
      Targets: [{ Id: Start, Arn: !GetAtt Start.Arn, InputPath: $.detail }]

"""
QUEUE = """  Applications:
    Type: AWS::SQS::Queue

"""
FILTERED = """      Events:
        Applications:
          Type: SQS
          Properties:
            Queue: !GetAtt Applications.Arn
            FilterCriteria: { Filters: [{ Pattern: '{"loan_id": [{"exists": true}]}' }] }
"""
SCHEDULE = """  MayStart:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Statement: [{ Effect: Allow, Action: sts:AssumeRole, Principal: { Service: scheduler.amazonaws.com } }]
      Policies:
        - PolicyName: start
          PolicyDocument:
            Statement: [{ Effect: Allow, Action: lambda:InvokeFunction, Resource: !GetAtt Start.Arn }]

  Monthly:
    Type: AWS::Scheduler::Schedule
    Properties:
      ScheduleExpression: rate(30 days)
      FlexibleTimeWindow: { Mode: "OFF" }
      Target:
        Arn: !GetAtt Start.Arn
        RoleArn: !GetAtt MayStart.Arn
        Input: '{"loan_id": "l-1001", "customer": "ana", "cents": 250000}'
        DeadLetterConfig: { Arn: !GetAtt Failed.Arn }

"""

SEEDS = (
    Seed(
        "durable_workflow",
        "a rule may not call Start",
        "arrives",
        "denied",
        ((TEMPLATE, BEFORE, RULE + BEFORE),),
        also=("lost",),  # nor does the added rule keep what Start refuses
    ),
    Seed(
        "durable_workflow",
        "the filter of a queue reads what is in the body",
        "arrives",
        "lost",
        ((TEMPLATE, CALLED, CALLED + FILTERED), (TEMPLATE, BEFORE, QUEUE + BEFORE)),
    ),
    Seed(
        "durable_workflow",
        "a schedule may not write to its dead-letter queue",
        "arrives",
        "denied",
        ((TEMPLATE, BEFORE, SCHEDULE + BEFORE),),
    ),
)
