"""Properties of Graph's types, and the queries that each of them supports.

Sources: Microsoft's CSDL of v1.0 (properties), and
https://learn.microsoft.com/graph/aad-advanced-queries#support-for-filter-by-properties-of-microsoft-entra-id-directory-objects
"""

from dataclasses import dataclass


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


@dataclass(frozen=True, slots=True, kw_only=True)
class EntityType:
    """One type. A comparison that is in none of the sets is refused."""

    name: str
    properties: frozenset[str]
    #: Relationships: they may be selected, which shows nothing.
    navigation: frozenset[str] = frozenset()
    #: Properties outside the directory, which lists cannot show (501).
    #: Source: https://learn.microsoft.com/graph/delta-query-overview#properties-stored-outside-of-the-main-data-store
    elsewhere: frozenset[str] = frozenset()
    equal: frozenset[str]  #: `eq` and `in` by default; `ne` and `not` as advanced queries
    equal_advanced: frozenset[str] = frozenset()
    begins: frozenset[str] = frozenset()  #: `startswith` by default
    begins_advanced: frozenset[str] = frozenset()
    ends: frozenset[str] = frozenset()  #: `endswith`, only as advanced queries
    nullable: frozenset[str] = frozenset()  #: comparisons with null, only as advanced queries
    sorted_by: frozenset[str] = frozenset()  #: `$orderby` by default
    sorted_advanced: frozenset[str] = frozenset()

    @property
    def resource(self) -> str:
        """The name of the type in Graph's error messages."""
        return self.name[0].upper() + self.name[1:]


USER = EntityType(
    name="user",
    properties=_names(
        "id accountEnabled ageGroup assignedLicenses assignedPlans authorizationInfo businessPhones city companyName "
        "consentProvidedForMinor country createdDateTime creationType customSecurityAttributes deletedDateTime "
        "department deviceEnrollmentLimit displayName employeeHireDate employeeId employeeLeaveDateTime "
        "employeeOrgData employeeType externalUserState externalUserStateChangeDateTime faxNumber givenName identities "
        "identityParentId imAddresses isManagementRestricted isResourceAccount jobTitle lastPasswordChangeDateTime "
        "legalAgeGroupClassification licenseAssignmentStates mail mailNickname mobilePhone officeLocation "
        "onPremisesDistinguishedName onPremisesDomainName onPremisesExtensionAttributes onPremisesImmutableId "
        "onPremisesLastSyncDateTime onPremisesProvisioningErrors onPremisesSamAccountName onPremisesSecurityIdentifier "
        "onPremisesSyncEnabled onPremisesUserPrincipalName otherMails passwordPolicies passwordProfile postalCode "
        "preferredDataLocation preferredLanguage print provisionedPlans proxyAddresses securityIdentifier "
        "serviceProvisioningErrors showInAddressList signInActivity signInSessionsValidFromDateTime state "
        "streetAddress surname usageLocation userPrincipalName userType"
    ),
    navigation=_names("appRoleAssignments directReports manager memberOf ownedObjects sponsors transitiveMemberOf"),
    elsewhere=_names(
        "aboutMe birthday hireDate interests mailboxSettings mySite pastProjects preferredName responsibilities "
        "schools skills"
    ),
    equal=_names(
        "id accountEnabled ageGroup city consentProvidedForMinor country creationType department displayName "
        "employeeId givenName isResourceAccount jobTitle mail mailNickname onPremisesSecurityIdentifier "
        "onPremisesSyncEnabled onPremisesUserPrincipalName state surname usageLocation userPrincipalName userType "
        "createdDateTime deletedDateTime"
    ),
    equal_advanced=_names(
        "companyName employeeHireDate employeeType mobilePhone officeLocation onPremisesImmutableId "
        "onPremisesLastSyncDateTime onPremisesSamAccountName passwordPolicies postalCode preferredLanguage "
        "showInAddressList streetAddress"
    ),
    begins=_names(
        "city country department displayName employeeId givenName mail mailNickname onPremisesUserPrincipalName state "
        "surname usageLocation userPrincipalName"
    ),
    begins_advanced=_names(
        "companyName employeeType mobilePhone officeLocation onPremisesSamAccountName postalCode preferredLanguage "
        "streetAddress"
    ),
    ends=_names("mail userPrincipalName"),
    nullable=_names(
        "city companyName country department displayName employeeId givenName jobTitle mail mailNickname mobilePhone "
        "officeLocation onPremisesSecurityIdentifier passwordPolicies postalCode preferredLanguage state "
        "streetAddress surname userType"
    ),
    sorted_by=_names("displayName userPrincipalName"),
)

GROUP = EntityType(
    name="group",
    properties=_names(
        "id assignedLabels assignedLicenses classification createdDateTime deletedDateTime description displayName "
        "expirationDateTime groupTypes hasMembersWithLicenseErrors infoCatalogs isAssignableToRole "
        "isManagementRestricted licenseProcessingState mail mailEnabled mailNickname membershipRule "
        "membershipRuleProcessingState onPremisesDomainName onPremisesExtensionAttributes onPremisesLastSyncDateTime "
        "onPremisesNetBiosName onPremisesProvisioningErrors onPremisesSamAccountName onPremisesSecurityIdentifier "
        "onPremisesSyncEnabled organizationId preferredDataLocation preferredLanguage proxyAddresses renewedDateTime "
        "resourceBehaviorOptions resourceProvisioningOptions securityEnabled securityIdentifier "
        "serviceProvisioningErrors theme uniqueName visibility"
    ),
    navigation=_names("appRoleAssignments memberOf members owners transitiveMemberOf transitiveMembers"),
    elsewhere=_names(
        "accessType allowExternalSenders autoSubscribeNewMembers hideFromAddressLists hideFromOutlookClients "
        "isArchived isFavorite isSubscribedByMail unseenConversationsCount unseenCount unseenMessagesCount"
    ),
    equal=_names(
        "id createdDateTime displayName mail mailEnabled mailNickname onPremisesSamAccountName "
        "onPremisesSecurityIdentifier onPremisesSyncEnabled securityEnabled securityIdentifier isAssignableToRole"
    ),
    equal_advanced=_names(
        "classification description membershipRule membershipRuleProcessingState preferredLanguage theme"
    ),
    begins=_names("displayName mail mailNickname onPremisesSamAccountName securityIdentifier"),
    begins_advanced=_names("classification description membershipRule preferredLanguage"),
    nullable=_names("description displayName mail onPremisesSyncEnabled"),
    sorted_by=_names("displayName"),
)

APPLICATION = EntityType(
    name="application",
    properties=_names(
        "id addIns api appId appRoles applicationTemplateId authenticationBehaviors certification createdByAppId "
        "createdDateTime defaultRedirectUri deletedDateTime description disabledByMicrosoftStatus displayName "
        "groupMembershipClaims identifierUris info isDeviceOnlyAuthSupported isDisabled isFallbackPublicClient "
        "keyCredentials logo managerApplications nativeAuthenticationApisEnabled notes optionalClaims "
        "parentalControlSettings passwordCredentials publicClient publisherDomain requestSignatureVerification "
        "requiredResourceAccess samlMetadataUrl serviceManagementReference servicePrincipalLockConfiguration "
        "signInAudience spa tags tokenEncryptionKeyId uniqueName verifiedPublisher web"
    ),
    equal=_names("id appId applicationTemplateId displayName publisherDomain uniqueName"),
    equal_advanced=_names("createdDateTime description disabledByMicrosoftStatus signInAudience"),
    begins=_names("displayName publisherDomain"),
    begins_advanced=_names("signInAudience"),
    sorted_advanced=_names("displayName createdDateTime"),
)

SERVICE_PRINCIPAL = EntityType(
    name="servicePrincipal",
    properties=_names(
        "id accountEnabled addIns alternativeNames appDescription appDisplayName appId appOwnerOrganizationId "
        "appRoleAssignmentRequired appRoles applicationTemplateId createdByAppId customSecurityAttributes "
        "deletedDateTime description disabledByMicrosoftStatus displayName homepage info isDisabled keyCredentials "
        "loginUrl logoutUrl notes notificationEmailAddresses oauth2PermissionScopes passwordCredentials "
        "preferredSingleSignOnMode preferredTokenSigningKeyThumbprint replyUrls resourceSpecificApplicationPermissions "
        "samlSingleSignOnSettings servicePrincipalNames servicePrincipalType signInAudience tags tokenEncryptionKeyId "
        "verifiedPublisher"
    ),
    equal=_names("id accountEnabled appId applicationTemplateId displayName servicePrincipalType"),
    equal_advanced=_names("appOwnerOrganizationId appRoleAssignmentRequired createdByAppId description homepage"),
    begins=_names("displayName"),
    begins_advanced=_names("description homepage"),
    sorted_advanced=_names("displayName"),
)

ASSIGNMENT = EntityType(
    name="appRoleAssignment",
    properties=_names(
        "id appRoleId createdDateTime deletedDateTime principalDisplayName principalId principalType "
        "resourceDisplayName resourceId"
    ),
    equal=_names("resourceId"),
    equal_advanced=_names("principalDisplayName principalId"),
    begins_advanced=_names("principalDisplayName"),
)

ORGANIZATION = EntityType(
    name="organization",
    properties=_names(
        "id assignedPlans businessPhones city country countryLetterCode createdDateTime defaultUsageLocation "
        "deletedDateTime displayName marketingNotificationEmails mobileDeviceManagementAuthority "
        "onPremisesLastSyncDateTime onPremisesSyncEnabled partnerTenantType postalCode preferredLanguage "
        "privacyProfile provisionedPlans securityComplianceNotificationMails securityComplianceNotificationPhones "
        "state street technicalNotificationMails tenantType verifiedDomains"
    ),
    equal=frozenset(),
)

#: What members of groups have in common: properties of either kind can be selected.
#: Filters on members are advanced queries; the account status is not among them.
DIRECTORY_OBJECT = EntityType(
    name="directoryObject",
    properties=USER.properties | GROUP.properties,
    navigation=USER.navigation | GROUP.navigation,
    elsewhere=USER.elsewhere | GROUP.elsewhere,
    equal=frozenset(),
    equal_advanced=_names("id displayName mail userPrincipalName givenName surname"),
    begins_advanced=_names("displayName mail userPrincipalName givenName surname"),
    ends=_names("mail userPrincipalName"),
    nullable=_names("displayName mail givenName surname"),
)
