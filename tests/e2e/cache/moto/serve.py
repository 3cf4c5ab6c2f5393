#!/usr/bin/env python3
"""Plays S3 on loopback with one bucket, `cache`, and one user, whose signatures are checked by botocore.

Prints `LOCATION KEY SECRET`, and serves until it is ended.
"""
import json, logging, threading

import boto3
from moto import settings
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server

logging.getLogger("werkzeug").setLevel(logging.ERROR)
# One request at a time: two at once for one object make moto answer 500 now and then.
aws = DomainDispatcherApplication(create_backend_app)
server = make_server("127.0.0.1", 0, aws, threaded=False, request_handler=MotoRequestHandler)
threading.Thread(target=server.serve_forever, daemon=True).start()
location = "http://127.0.0.1:%d" % server.server_port
anybody = dict(
    endpoint_url=location, region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="a"
)
iam = boto3.client("iam", **anybody)
iam.create_user(UserName="me")
policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
iam.put_user_policy(UserName="me", PolicyName="all", PolicyDocument=json.dumps(policy))
key = iam.create_access_key(UserName="me")["AccessKey"]
boto3.client("s3", **anybody).create_bucket(Bucket="cache")
settings.INITIAL_NO_AUTH_ACTION_COUNT = 0
print(location, key["AccessKeyId"], key["SecretAccessKey"], flush=True)
threading.Event().wait()
