# The bucket of the media. Phones write to it and consoles read from it, by requests that
# the function `media` signs; nothing in it is ever public.
#
#   uploads/<id>             what a phone has sent, until media-intake has taken it
#   originals/<id>/<sha256>  the same, untouched, once it was taken
#   copies/<id>/…            what media-intake made of it for reviewers
#   briefings/<id>/…         what briefing made for the managers of a district
#   exports/<id>/…           what export made for who asked for it

locals {
  # Names of buckets are taken world-wide; the account makes this one ours.
  media_bucket     = "${local.prefix}-media-${local.account}"
  media_bucket_arn = "arn:${local.partition}:s3:::${local.media_bucket}"
}

# It keeps no versions: what was erased must be gone, and not stand behind a marker. That
# nothing is lost by mistake is seen to by S3's own durability, and by who may delete: under
# originals/ and copies/ media-erase alone, and only what the records say is erased.
resource "aws_s3_bucket" "media" {
  bucket        = local.media_bucket
  force_destroy = !var.protect_data
}

resource "aws_s3_bucket_public_access_block" "media" {
  bucket = aws_s3_bucket.media.id

  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "media" {
  bucket = aws_s3_bucket.media.id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "media" {
  bucket = aws_s3_bucket.media.id

  rule {
    bucket_key_enabled = true

    apply_server_side_encryption_by_default {
      sse_algorithm     = "aws:kms"
      kms_master_key_id = aws_kms_key.media.arn
    }
  }
}

resource "aws_s3_bucket_policy" "media" {
  bucket = aws_s3_bucket.media.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [{
        Sid       = "OnlyOverTls"
        Effect    = "Deny"
        Principal = "*"
        Action    = "s3:*"
        Resource  = [local.media_bucket_arn, "${local.media_bucket_arn}/*"]
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      }],
      local.only_the_scanner_tags,
    )
  })

  # Both change the bucket's policy state, and S3 refuses two changes at once.
  depends_on = [aws_s3_bucket_public_access_block.media]
}

resource "aws_s3_bucket_lifecycle_configuration" "media" {
  bucket = aws_s3_bucket.media.id

  rule {
    id     = "half-uploads-go-in-a-day"
    status = "Enabled"

    filter {}

    abort_incomplete_multipart_upload {
      days_after_initiation = 1
    }
  }

  # Whatever is taken was moved away from here; what is left after the 24 hours of its slot,
  # nobody will ask for.
  rule {
    id     = "uploads-go-in-two-days"
    status = "Enabled"

    filter {
      prefix = "uploads/"
    }

    expiration {
      days = 2
    }
  }

  # The record of an export says that its file is kept for seven days; S3 counts from the
  # midnight after it was written.
  rule {
    id     = "exports-go-in-a-week"
    status = "Enabled"

    filter {
      prefix = "exports/"
    }

    expiration {
      days = 8
    }
  }

  # The record of a briefing goes after three years, and its documents with it.
  rule {
    id     = "briefings-go-in-three-years"
    status = "Enabled"

    filter {
      prefix = "briefings/"
    }

    expiration {
      days = 1100
    }
  }

  # An object cannot say whether a report has it, so nothing here may delete originals or
  # copies by age: evidence would go with the rest.
  rule {
    id     = "originals-go-cold"
    status = "Enabled"

    filter {
      prefix = "originals/"
    }

    # Still opens within milliseconds. Reviewers see the copies, which stay where reading
    # costs nothing more.
    transition {
      days          = var.originals_cold_after_days
      storage_class = "GLACIER_IR"
    }
  }
}

resource "aws_s3_bucket_cors_configuration" "media" {
  count = length(var.allowed_origins) > 0 ? 1 : 0

  bucket = aws_s3_bucket.media.id

  cors_rule {
    allowed_origins = var.allowed_origins
    allowed_methods = ["GET", "PUT", "HEAD"]
    # The signature says which headers there must be; the browser may ask for any.
    allowed_headers = ["*"]
    # A part that has arrived, and a video that is opened in the middle.
    expose_headers  = ["ETag", "Content-Range", "Accept-Ranges"]
    max_age_seconds = 600
  }
}

resource "aws_s3_bucket_notification" "media" {
  bucket = aws_s3_bucket.media.id

  # GuardDuty hears of uploads through EventBridge. It would switch this on by itself, and the
  # next apply would switch it off again.
  eventbridge = local.guardduty

  # An upload is looked at when it has arrived, and again when the scanner has tagged it.
  # Copies and originals make no event, or the function would call itself.
  lambda_function {
    id                  = "uploads"
    lambda_function_arn = module.function["media-intake"].arn
    events              = ["s3:ObjectCreated:*", "s3:ObjectTagging:Put"]
    filter_prefix       = "uploads/"
  }

  depends_on = [aws_lambda_permission.uploads]
}

resource "aws_lambda_permission" "uploads" {
  statement_id   = "uploads"
  action         = "lambda:InvokeFunction"
  function_name  = module.function["media-intake"].name
  principal      = "s3.amazonaws.com"
  source_arn     = local.media_bucket_arn
  source_account = local.account
}

# S3 calls the function and forgets; Lambda keeps the event and tries again, and what
# still fails goes to the queue.
resource "aws_lambda_function_event_invoke_config" "uploads" {
  function_name                = module.function["media-intake"].name
  maximum_retry_attempts       = 2
  maximum_event_age_in_seconds = 21600

  destination_config {
    on_failure {
      destination = aws_sqs_queue.failures["media-intake"].arn
    }
  }
}

resource "aws_kms_key" "media" {
  description             = "${local.prefix}: the media"
  enable_key_rotation     = true
  deletion_window_in_days = 30
}

resource "aws_kms_alias" "media" {
  name          = "alias/${local.prefix}-media"
  target_key_id = aws_kms_key.media.key_id
}
