extension SettingsKey {
    /// A running daemon can take it over. Everything else stands in files, sockets or sessions that are
    /// already there.
    package var changesLive: Bool { path.hasPrefix("triggers.") || path.hasPrefix("models.") }
}

/// What a new configuration means to a running daemon.
package struct SettingsReload: Sendable, Equatable {
    /// The old settings with what can change live from the new ones.
    package var settings: Settings
    /// Keys that have another value now, in the order of the file.
    package var changed: [String]
    /// Keys that are given another value and keep the old one until a restart.
    package var kept: [String]

    package init(_ given: Settings, over old: Settings) {
        settings = old
        settings.triggers = given.triggers
        settings.models = given.models
        let different = SettingsKeys.all.filter { $0.value(in: given) != $0.value(in: old) }
        changed = different.filter(\.changesLive).map(\.path)
        // What a file says is none of the keys.
        let excludeFile = "models.recommendations.exclude_file"
        if given.models.recommendations.excluded != old.models.recommendations.excluded,
            !changed.contains(excludeFile)
        {
            changed.append(excludeFile)
        }
        let catalogueFile = "models.recommendations.catalogue_file"
        if given.models.recommendations.catalogue != old.models.recommendations.catalogue,
            !changed.contains(catalogueFile)
        {
            changed.append(catalogueFile)
        }
        changed += RuleDeclaration.changed(from: old.triggers.declared, to: given.triggers.declared)
        kept = different.filter { !$0.changesLive }.map(\.path)
    }
}
