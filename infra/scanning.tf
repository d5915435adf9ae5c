# Who looks for malware in uploads, and that nobody else may say that an upload is clean.
# media-intake takes an upload when it has the tag GuardDutyMalwareScanStatus with the value
# NO_THREATS_FOUND, and waits as long as it has no such tag.

locals {
  guardduty = var.malware_scan == "guardduty"

  scanner_role     = "${local.prefix}-malware-scan"
  scanner_rule_arn = "arn:${local.partition}:events:${local.here}:rule/DO-NOT-DELETE-AmazonGuardDutyMalwareProtectionS3*"

  # The role of the scanner: ours for GuardDuty, or that of another scanner, if it was named.
  scanner_role_arn = {
    guardduty = "arn:${local.partition}:iam::${local.account}:role/${local.scanner_role}"
    tags      = var.scanner_role_arn
    off       = null
  }[var.malware_scan]

  # The role itself and whoever has taken it on.
  scanners = [
    for arn in [local.scanner_role_arn] : [
      arn, replace(arn, "/:iam::([0-9]+):role/(?:.*/)?([^/]+)$/", ":sts::$1:assumed-role/$2/*"),
    ] if arn != null
  ]

  # Phones cannot tag: a signed request carries no x-amz-tagging, because each x-amz-* header
  # has to be in the signature, and who signs may not tag either. This keeps out everybody else
  # in the account, whatever their own policies let them do. Another scanner whose role is not
  # known cannot be told from them; then nothing is said here.
  only_the_scanner_tags = [
    for scanners in var.malware_scan == "off" ? [[]] : local.scanners : merge(
      {
        Sid       = "OnlyTheScannerTags"
        Effect    = "Deny"
        Principal = "*"
        Action    = ["s3:PutObjectTagging", "s3:PutObjectVersionTagging"]
        Resource  = ["${local.media_bucket_arn}/*"]
      },
      { for name, others in { Condition = { ArnNotLike = { "aws:PrincipalArn" = scanners } } } : name => others if length(scanners) > 0 },
    )
  ]
}

# A warning with each plan and each apply, so that nobody forgets.
check "uploads_are_scanned" {
  assert {
    condition     = var.malware_scan != "off"
    error_message = "Uploads are not scanned for malware: malware_scan is off. Whoever opens a medium may open what a phone was made to send."
  }
}

check "only_the_scanner_tags" {
  assert {
    condition     = var.malware_scan != "tags" || var.scanner_role_arn != null
    error_message = "Everybody whose own policies let them tag objects of the media bucket can call an upload clean: name the scanner's role in scanner_role_arn."
  }
}

resource "aws_guardduty_malware_protection_plan" "media" {
  count = local.guardduty ? 1 : 0

  role = one(aws_iam_role.scanner[*].arn)

  protected_resource {
    s3_bucket {
      bucket_name     = aws_s3_bucket.media.id
      object_prefixes = ["uploads/"]
    }
  }

  actions {
    tagging {
      status = "ENABLED"
    }
  }

  # GuardDuty tries the role and looks at the bucket's events when the plan is made.
  depends_on = [aws_iam_role_policy.scanner, aws_s3_bucket_notification.media, aws_s3_bucket_policy.media]
}

resource "aws_iam_role" "scanner" {
  count = local.guardduty ? 1 : 0

  name        = local.scanner_role
  description = "GuardDuty, to scan what phones upload to ${local.media_bucket}, and nothing else."

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "malware-protection-plan.guardduty.amazonaws.com" }
    }]
  })
}

# What AWS documents for this role, for uploads alone:
# https://docs.aws.amazon.com/guardduty/latest/ug/malware-protection-s3-iam-policy-prerequisite.html
resource "aws_iam_role_policy" "scanner" {
  count = local.guardduty ? 1 : 0

  name = "scan"
  role = one(aws_iam_role.scanner[*].id)

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "ManageItsRule"
        Effect    = "Allow"
        Action    = ["events:DeleteRule", "events:PutRule", "events:PutTargets", "events:RemoveTargets"]
        Resource  = [local.scanner_rule_arn]
        Condition = { StringLike = { "events:ManagedBy" = "malware-protection-plan.guardduty.amazonaws.com" } }
      },
      {
        Sid      = "WatchItsRule"
        Effect   = "Allow"
        Action   = ["events:DescribeRule", "events:ListTargetsByRule"]
        Resource = [local.scanner_rule_arn]
      },
      {
        Sid      = "HearOfUploads"
        Effect   = "Allow"
        Action   = ["s3:GetBucketNotification", "s3:PutBucketNotification"]
        Resource = [local.media_bucket_arn]
      },
      {
        Sid      = "CheckTheOwner"
        Effect   = "Allow"
        Action   = ["s3:ListBucket"]
        Resource = [local.media_bucket_arn]
      },
      {
        # With it GuardDuty finds out once whether the bucket can be written to.
        Sid      = "PutTheProbe"
        Effect   = "Allow"
        Action   = ["s3:PutObject"]
        Resource = ["${local.media_bucket_arn}/malware-protection-resource-validation-object"]
      },
      {
        Sid      = "Scan"
        Effect   = "Allow"
        Action   = ["s3:GetObject", "s3:GetObjectVersion"]
        Resource = ["${local.media_bucket_arn}/uploads/*"]
      },
      {
        Sid    = "Tag"
        Effect = "Allow"
        Action = [
          "s3:GetObjectTagging", "s3:GetObjectVersionTagging", "s3:PutObjectTagging", "s3:PutObjectVersionTagging",
        ]
        Resource = ["${local.media_bucket_arn}/uploads/*"]
      },
      {
        Sid       = "MediaKey"
        Effect    = "Allow"
        Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
        Resource  = [aws_kms_key.media.arn]
        Condition = { StringLike = { "kms:ViaService" = "s3.${var.region}.${local.dns_suffix}" } }
      },
    ]
  })
}
