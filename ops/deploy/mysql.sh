#!/bin/sh
# Runs once, when the database is made, after the CRM's tables: the user that
# sluice reads with, and what it may read.
set -eu
password=$(printf %s "$SLUICE_PASSWORD" | sed "s/[\\\\']/\\\\&/g")
MYSQL_PWD="$MYSQL_ROOT_PASSWORD" mysql -u root <<SQL
CREATE USER sluice@'%' IDENTIFIED BY '$password';
GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO sluice@'%';
GRANT SELECT ON crm.contacts TO sluice@'%';
GRANT SELECT ON crm.deals TO sluice@'%';
GRANT SELECT ON crm.calls TO sluice@'%';
SQL
