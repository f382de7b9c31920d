//! What each user has been told of who is in a room and how they are.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use chinwag_core::{
    UserName,
    client::{ClientEvent, Member, Presence},
};

use super::{Broken, Judge};

/// What a client's user has been told about a room.
#[derive(Clone, Debug, Default)]
pub(crate) struct View {
    /// They have left it and not joined it again.
    pub(super) left: bool,
    /// Who is there, if the last word on it was complete.
    pub(crate) roster: Option<BTreeSet<UserName>>,
    /// How those are who were mentioned.
    pub(crate) presence: BTreeMap<UserName, Presence>,
    /// The same, when members were asked for at rest.
    pub(crate) seen_before_survey: BTreeMap<UserName, Presence>,
    /// What members do who were said to do anything.
    pub(super) statuses: BTreeMap<UserName, Arc<str>>,
    /// The same, when members were asked for at rest.
    pub(crate) statuses_before_survey: BTreeMap<UserName, Arc<str>>,
    /// Pages of members that were asked for at rest.
    pub(crate) survey: Option<Survey>,
}

impl View {
    /// Members of a large room came and went; not all of them are named if they are many.
    fn changes(&mut self, joined: &[UserName], left: &[UserName], is_complete: bool) {
        // Nobody is told how those are who stay.
        self.presence.clear();
        self.statuses.retain(|user, _| !joined.contains(user) && !left.contains(user));
        self.roster = self.roster.take().filter(|_| is_complete);
        if let Some(roster) = &mut self.roster {
            roster.extend(joined.iter().cloned());
            roster.retain(|user| !left.contains(user));
        }
    }
}

/// Members, page by page.
#[derive(Clone, Debug, Default)]
pub(crate) struct Survey {
    /// As listed, in order.
    pub(crate) listed: Vec<(UserName, Presence)>,
    /// What they do.
    pub(crate) statuses: BTreeMap<UserName, Option<Arc<str>>>,
    /// How many there are, by the last page.
    pub(crate) count: u32,
    /// Whether that was all.
    pub(crate) complete: bool,
}

impl Judge {
    /// What a member has been told about a room.
    #[must_use]
    pub(crate) fn view(&self, member: usize, room: usize) -> &View {
        &self.views[member][room]
    }

    /// A member will be asked for a room's members, from the first on.
    pub(crate) fn begin_survey(&mut self, member: usize, room: usize) {
        let view = &mut self.views[member][room];
        view.seen_before_survey = view.presence.clone();
        view.statuses_before_survey = view.statuses.clone();
        view.survey = Some(Survey::default());
    }

    /// What members say is no longer said because they were asked.
    pub(crate) fn end_surveys(&mut self) {
        self.views.iter_mut().flatten().for_each(|view| view.survey = None);
    }

    /// What changes a user's view of who is where.
    pub(super) fn look(&mut self, member: usize, event: &ClientEvent) -> Result<(), Broken> {
        match event {
            ClientEvent::UserJoined { room, user, members }
            | ClientEvent::UserLeft { room, user, members } => {
                let room = self.index(room)?;
                let view = &mut self.views[member][room];
                view.presence.remove(user);
                // Who comes has said nothing so far.
                view.statuses.remove(user);
                view.roster = members.as_ref().map(|members| members.iter().cloned().collect());
            }
            ClientEvent::MembersChanged { room, joined, left, .. } => {
                let room = self.index(room)?;
                let is_complete = joined.len().max(left.len()) < self.roster_max;
                self.views[member][room].changes(joined, left, is_complete);
            }
            ClientEvent::Presence { room, user, presence } => {
                let room = self.index(room)?;
                self.views[member][room].presence.insert(user.clone(), *presence);
            }
            ClientEvent::Status { room, user, status } => {
                let room = self.index(room)?;
                self.views[member][room].statuses.insert(user.clone(), status.state.clone());
            }
            ClientEvent::Members { room, members, count, more } => {
                let room = self.index(room)?;
                let view = &mut self.views[member][room];
                let listed = || members.iter().map(|member| (member.user.clone(), member.presence));
                view.presence.extend(listed());
                let does = |member: &Member| member.status.as_ref().map(|status| status.state.clone());
                for member in members {
                    match does(member) {
                        Some(state) => drop(view.statuses.insert(member.user.clone(), state)),
                        None => drop(view.statuses.remove(&member.user)),
                    }
                }
                let is_whole = members.len() == *count as usize;
                if let Some(survey) = &mut view.survey {
                    // Beside what was asked for, a whole list is shown to who could not be told all that changed.
                    if survey.complete || is_whole {
                        survey.listed.clear();
                        survey.statuses.clear();
                    }
                    survey.statuses.extend(members.iter().map(|member| (member.user.clone(), does(member))));
                    survey.listed.extend(listed());
                    survey.count = *count;
                    survey.complete = !more;
                } else {
                    view.roster = is_whole.then(|| listed().map(|(user, _)| user).collect());
                }
            }
            _ => {}
        }
        Ok(())
    }

    pub(super) fn forget_views(&mut self, member: usize) {
        for view in &mut self.views[member] {
            *view = View { left: view.left, ..View::default() };
        }
    }
}
