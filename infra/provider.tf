provider "aws" {
  region = var.region

  # An apply with the credentials of another account stops before it changes anything.
  allowed_account_ids = var.account_id == null ? null : [var.account_id]

  default_tags {
    tags = {
      application = var.name
      environment = var.environment
      managed-by  = "terraform"
    }
  }
}

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

locals {
  # Every name begins with it, so that two environments fit into one account.
  prefix = "${var.name}-${var.environment}"

  account   = data.aws_caller_identity.current.account_id
  partition = data.aws_partition.current.partition
  # amazonaws.com, and amazonaws.com.cn in the regions of China.
  dns_suffix = data.aws_partition.current.dns_suffix

  # The beginning of the ARNs of this region and account: `arn:aws:<service>` + this.
  here = "${var.region}:${local.account}"
}
