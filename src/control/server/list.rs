//! The clients, in the order in which they came: a list, since there are few of them and a
//! map that things are removed from is 7 KB of code for each kind of thing.

use super::{Client, ClientId};

#[derive(Debug, Default)]
pub(super) struct Clients(Vec<(ClientId, Client)>);

impl Clients {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn iter(&self) -> std::slice::Iter<'_, (ClientId, Client)> {
        self.0.iter()
    }

    pub(super) fn iter_mut(&mut self) -> std::slice::IterMut<'_, (ClientId, Client)> {
        self.0.iter_mut()
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &Client> {
        self.0.iter().map(|(_, client)| client)
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = &ClientId> {
        self.0.iter().map(|(id, _)| id)
    }

    /// The next one after this that has sent something which is to be looked at, and from
    /// the first again.
    pub(super) fn next_with_more(&self, last: ClientId) -> Option<ClientId> {
        let begin = self.0.partition_point(|(id, _)| *id <= last);
        let (before, after) = self.0.split_at_checked(begin)?;
        let mut clients = after.iter().chain(before);
        let found = clients.find(|(_, client)| client.conversation.has_more());
        found.map(|(id, _)| *id)
    }

    fn place(&self, id: &ClientId) -> Option<usize> {
        self.0.iter().position(|(other, _)| other == id)
    }

    pub(super) fn get(&self, id: &ClientId) -> Option<&Client> {
        let place = self.place(id)?;
        self.0.get(place).map(|(_, client)| client)
    }

    pub(super) fn get_mut(&mut self, id: &ClientId) -> Option<&mut Client> {
        let place = self.place(id)?;
        self.0.get_mut(place).map(|(_, client)| client)
    }

    pub(super) fn insert(&mut self, id: ClientId, client: Client) {
        self.0.push((id, client));
    }

    pub(super) fn remove(&mut self, id: &ClientId) -> Option<Client> {
        let place = self.place(id)?;
        Some(self.0.remove(place).1)
    }
}
